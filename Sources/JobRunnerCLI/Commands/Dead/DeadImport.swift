internal import JobRunner

/// `jobrunner dead import`: reads what `dead export` wrote.
struct DeadImport {
    static let file = Argument(
        "file", help: "What to read; - is standard input.", default: "-", read: .path)
    /// Bytes of one line.
    private static let longest = 64 << 20
    /// Bad lines that are told one by one; more would only flood the terminal.
    private static let mostTold = 10
    /// Of lines that are sent together.
    private static let mostJobs = 500
    private static let mostBytes = 4 << 20

    static let spec = CommandSpec(
        name: "import", abstract: "Put exported jobs back among the dead.",
        discussion: """
            The same line twice is one dead job, so a run that broke off may be repeated. Bad \
            lines are named and left out; the exit code is 65 then. Workers still delete what is \
            dead for longer than they keep it: run 'dead retry' soon.
            """,
        options: [OutputFormat.option], arguments: [file]
    ) { invocation in
        do {
            let file = try InputFile(invocation[file], standardInput: invocation.console.input)
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            var job = DeadImport(invocation, session.client, file.name)
            return try await job.run(file)
        } catch {
            throw CommandFailure(error)
        }
    }

    private let invocation: Invocation
    private let client: JobClient
    private let name: String
    private var waiting: [String: [DeadJob]] = [:]
    private var jobs = 0
    private var bytes = 0
    private var read = 0
    private var added = 0
    private var bad = 0

    private init(_ invocation: Invocation, _ client: JobClient, _ name: String) {
        self.invocation = invocation
        self.client = client
        self.name = name
    }

    private mutating func run(_ file: InputFile) async throws -> ExitCode {
        let lines = DeadLines(file, limit: Self.longest)
        while true {
            switch try await lines.next() {
            case .line(let line): take(line, number: lines.number)
            case .tooLong(let bytes):
                tell("\(grouped(bytes)) bytes; the limit is \(grouped(Self.longest))", lines.number)
            case .end:
                try await flush()
                show()
                return bad > 0 ? .data : .success
            case .pause, .interrupted: break
            }
            if jobs >= Self.mostJobs || bytes >= Self.mostBytes { try await flush() }
        }
    }

    private mutating func take(_ line: [UInt8], number: Int) {
        let text = line.trimmed
        if text.isEmpty { return }
        do throws(DeadLine.Flaw) {
            let line = try DeadLine(Array(text))
            guard let time = RFC3339.parse(line.diedAt), time >= 0 else {
                return tell("'died_at' is no time such as 2026-01-31T12:30:00Z", number)
            }
            let entry = DeadJob.entry(
                worker: line.worker, tag: line.tag, reason: line.reason, job: line.job)
            waiting[line.queue, default: []].append(
                DeadJob(queue: line.queue, entry: entry, diedAt: time))
            read += 1
            jobs += 1
            bytes += entry.count
        } catch {
            tell(error.description, number)
        }
    }

    private mutating func tell(_ reason: String, _ number: Int) {
        bad += 1
        guard bad <= Self.mostTold else { return }
        invocation.console.note("\(name):\(number): \(reason)")
        if bad == Self.mostTold { invocation.console.note("further bad lines are only counted") }
    }

    private mutating func flush() async throws {
        for queue in waiting.keys.sorted() {
            added += try await client.addDead(waiting[queue, default: []], to: queue)
        }
        waiting = [:]
        jobs = 0
        bytes = 0
    }

    private func show() {
        if invocation[OutputFormat.option].isJSON {
            var object = JSONObject.versioned
            object.set("imported", added)
            object.set("known", read - added)
            object.set("bad_lines", bad)
            invocation.console.print(object.text)
            return
        }
        var text = "imported \(EnqueueTally.count(added, "job"))"
        if read > added { text += "; \(grouped(read - added)) were there before" }
        if bad > 0 { text += "; \(EnqueueTally.count(bad, "bad line")) left out" }
        invocation.console.print(text)
    }
}

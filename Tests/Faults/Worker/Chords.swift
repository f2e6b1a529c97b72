import FoundationEssentials
import JobRunner

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// One of the jobs beside each other: takes a while, may fail at first, returns its number.
struct Member: Job {
    static let name = "member"
    static let options = JobOptions(maxAttempts: 20, retryDelay: .fixed(.milliseconds(50)))
    typealias Output = Int

    var value: Int
    var milliseconds: Int
    /// Attempts that fail before one ends well.
    var failures: Int

    struct Failed: Error {}

    func run(_ context: JobContext, _ ledger: Ledger) async throws -> Int {
        ledger.write("start", context)
        // It waits for nothing: this is the work that takes time, to be killed in the middle.
        if milliseconds > 0 { try await Task.sleep(for: .milliseconds(milliseconds)) }
        if context.attempt <= failures { throw Failed() }
        ledger.write("end", context)
        return value
    }
}

/// The job behind them: returns what it was given, for the fault test to compare.
struct Callback: Job {
    static let name = "callback"
    static let options = JobOptions(maxAttempts: 20, retryDelay: .fixed(.milliseconds(50)))
    typealias Input = [Int]
    typealias Output = [Int]
}

/// A chord as the fault test writes it down, one a line.
struct Chord: Codable {
    var id: String
    /// Queues of the members, one each.
    var queues: [String]
    /// Queue of the callback.
    var callback: String
    /// What the first member returns; the next ones count up.
    var value: Int
    /// How long each member takes.
    var milliseconds: [Int]
    /// The member whose first attempt fails; nil is none.
    var failing: Int?

    /// How long outcomes are kept: the fault test reads them meanwhile.
    static let keep: Duration = .seconds(60)

    func start(by client: JobClient) async throws {
        var members: [Workflow<Int>] = []
        for (number, queue) in queues.enumerated() {
            let member = Member(
                value: value + number, milliseconds: milliseconds[number],
                failures: number == failing ? 1 : 0)
            members.append(Workflow(member, queue: queue))
        }
        let chord = Workflow.group(members).then(Callback(), queue: callback)
        _ = try await client.start(chord, id: id, keep: Self.keep)
    }
}

/// Starts the chords of a file, and prints the handles of each one's jobs once it is accepted.
///
/// May be run again with the same file: what was started is not started twice.
enum ChordStarter {
    /// - Returns: The exit code: 0 when all were accepted, else 75.
    static func run(file: String) async -> Int32 {
        do {
            let client = try await JobClient()
            defer { client.close() }
            let text = try String(contentsOfFile: file, encoding: .utf8)
            for line in text.split(separator: "\n") {
                let chord = try JSONDecoder().decode(Chord.self, from: Data(line.utf8))
                try await chord.start(by: client)
                say(1, handles(of: chord))
            }
            return 0
        } catch {
            say(2, "\(error)\n")
            return 75
        }
    }

    /// Steps are numbered as they are written: the members, their group, the callback.
    private static func handles(of chord: Chord) -> String {
        var lines = ""
        for (number, queue) in chord.queues.enumerated() {
            lines += "\(queue)/\(chord.id).\(number)\n"
        }
        return lines + "\(chord.callback)/\(chord.id).\(chord.queues.count + 1)\n"
    }

    private static func say(_ file: Int32, _ text: String) {
        let bytes = Array(text.utf8)
        let count = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        precondition(count == bytes.count, "nobody reads")
    }
}

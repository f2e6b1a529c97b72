internal import FoundationEssentials
internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The worker process of the bench: started by it, told what to do on standard input.
///
/// Not in the command tree: nobody types it. It ends when its standard input does, so no death
/// of the bench leaves it behind.
struct BenchWorker {
    /// The first argument that makes an executable this.
    static let word = "bench-worker"

    private enum Event: Sendable {
        case line(String)
        case closed
        case report(BenchReport)
    }

    private let config: BenchWorkerConfig
    private let events: AsyncStream<Event>.Continuation
    private var worker: Worker?
    private var run: Task<Void, Never>?

    private init(_ config: BenchWorkerConfig, _ events: AsyncStream<Event>.Continuation) {
        self.config = config
        self.events = events
    }

    static func main() async -> ExitCode {
        let (stream, events) = AsyncStream.makeStream(of: Event.self)
        startCommandThread("orders") {
            while let line = readLine() { events.yield(.line(line)) }
            events.yield(.closed)
        }
        var worker: BenchWorker?
        for await event in stream {
            switch event {
            case .line(let line):
                if worker == nil {
                    guard let config = Self.config(line) else { return .usage }
                    worker = BenchWorker(config, events)
                    say(BenchReport(.ready))
                } else if let order = BenchOrder(rawValue: line) {
                    await worker?.obey(order)
                }
            case .report(let report):
                say(report)
            case .closed:
                await worker?.end()
                return .success
            }
        }
        return .internal
    }

    private static func config(_ line: String) -> BenchWorkerConfig? {
        try? JSONDecoder().decode(BenchWorkerConfig.self, from: Data(line.utf8))
    }

    private static func say(_ report: BenchReport) {
        if let line = report.line { SystemFile.write(line, to: 1) }
    }

    private mutating func obey(_ order: BenchOrder) async {
        switch order {
        case .go: start()
        case .usage:
            var report = BenchReport(.usage)
            report.cpu = ProcessUsage.cpu()
            report.resident = ProcessMemory.resident()
            Self.say(report)
        case .stop:
            worker?.stop()
            await run?.value
            worker = nil
            Self.say(BenchReport(.left))
        }
    }

    private mutating func start() {
        let events = events
        let tally = BenchTally(target: config.target) { events.yield(.report($0)) }
        var builder = WorkerBuilder()
        builder.handle(BenchJob.self) { _, _ in tally.note() }
        builder.handle(SilentJob.self) { _, _ in tally.note() }
        builder.handle(LinkJob.Start.self) { _, _ in
            tally.note()
            return 1
        }
        builder.handle(LinkJob.self) { _, input, _ in
            tally.note()
            return input
        }
        builder.handle(LatencyJob.self) { job, _ in
            tally.note(enqueuedAt: job.at, startedAt: monotonicNanoseconds())
        }
        builder.handle(CallJob.self) { job, context in
            CallJob.Output(at: job.at, id: context.id)
        }
        var options = WorkerOptions()
        options.queues = [WorkerOptions.Queue(config.queue)]
        options.concurrency = config.concurrency
        options.onEvent = { event in
            switch event {
            case .joined(_, let id): events.yield(.report(BenchReport(.joined, text: id)))
            case .trouble(_, let error):
                events.yield(.report(BenchReport(.failed, text: error.description)))
            case .leaseLost: events.yield(.report(BenchReport(.failed, text: "the lease is lost")))
            case .ended(let end):
                events.yield(.report(BenchReport(.failed, text: "a job failed: \(end.reason)")))
            default: break
            }
        }
        do {
            let worker = try Worker(
                builder, url: config.url, prefix: config.prefix, options: options)
            self.worker = worker
            run = Task {
                do {
                    try await worker.run()
                } catch {
                    events.yield(.report(BenchReport(.failed, text: "\(error)")))
                }
            }
        } catch {
            Self.say(BenchReport(.failed, text: "\(error)"))
        }
    }

    /// The bench is gone: gives back what is held, unless Redis is gone too.
    private func end() async {
        worker?.stopNow()
        let deadline = Task {
            try await Task.sleep(for: .seconds(3))
            exit(0)
        }
        await run?.value
        deadline.cancel()
    }
}

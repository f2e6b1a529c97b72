internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// `jobrunner bench`: how fast this Redis and this machine run jobs.
enum BenchCommand {
    static let spec = CommandSpec(
        name: "bench",
        abstract: "Measure how fast jobs go through this Redis, and what they cost.",
        discussion: """
            Enqueues and drains no-op jobs under a prefix of its own, <prefix>-bench-<random>, and \
            deletes its keys in the end, on Ctrl-C too. A worker process of its own runs the jobs. \
            The server is loaded fully meanwhile: use one that nobody waits for. 1,000,000 jobs \
            need about 300 MB of its memory; a lower --jobs needs less.

            Figures of different machines, or of one machine on different days, compare by their \
            ratio to the yardstick, which is measured in the same run: the x column, or `ratios` \
            in the JSON.
            """,
        options: BenchOptions.all, run: run)

    @Sendable private static func run(_ invocation: Invocation) async throws -> ExitCode {
        let load = ProcessUsage.load
        let bench: Bench
        do { bench = try await Bench.open(invocation) } catch { throw CommandFailure(error) }
        let isWatched = isatty(2) == 1
        let work = Task {
            try await bench.measure { part, run in
                guard isWatched else { return }
                let text = "measuring \(part.rawValue), \(run) of \(bench.settings.runs)\n"
                SystemFile.write(text, to: 2)
            }
        }
        SignalThread.start([SIGINT, SIGTERM, SIGHUP]) { _ in work.cancel() }
        let result = await work.result
        await bench.close()
        let figures: BenchFigures
        do {
            figures = try result.get()
        } catch {
            throw CommandFailure(work.isCancelled ? CancellationError() : error)
        }
        let document = BenchDocument(
            settings: bench.settings, figures: figures, redisVersion: bench.info.version,
            load: load)
        switch invocation[BenchOptions.output] {
        case .json: SystemFile.write(try document.json(), to: 1)
        case .table: SystemFile.write(BenchTable(document: document).render(), to: 1)
        }
        return .success
    }
}

/// What one run of `jobrunner bench` measures, and how much.
struct BenchSettings: Sendable {
    /// One question; `--only` names them.
    enum Part: String, CaseIterable, Sendable {
        case yardstick, enqueue, drain, latency, call, lateness, idle, workflow, scaling
    }

    /// How the figures are printed.
    enum Output: String, CaseIterable, Sendable { case table, json }

    var parts: Set<Part>
    /// Jobs of the bulk enqueue and of each drain.
    var jobs: Int
    var concurrency: Int
    /// Bytes of a whole envelope.
    var payload: Int
    /// Latency jobs a second, and how many.
    var rate: Int
    var latencyJobs: Int
    var idle: Duration
    var runs: Int
    var queue: String
    /// Jobs that are ready, or scheduled, beside those that `scaling` drains.
    var ready: Int

    /// Jobs of the enqueue from one task: 50,000 of the 1,000,000.
    var jobsFromOne: Int { max(1, jobs / 20) }
    /// Jobs of the enqueue from 64 tasks: 500,000 of the 1,000,000.
    var jobsFromMany: Int { max(Self.tasks, jobs / 2) }

    /// Tasks that enqueue at once.
    static let tasks = 64
    /// Jobs of one `enqueue(sequence)` call: ten of the batches that the client sends.
    static let bulk = 10_000
    /// How long results and accepted ids are kept, should the bench be killed before it
    /// deletes them.
    static let kept: Duration = .seconds(60)

    init(_ invocation: Invocation) {
        jobs = invocation[BenchOptions.jobs]
        concurrency = invocation[BenchOptions.concurrency]
        payload = invocation[BenchOptions.payload]
        rate = invocation[BenchOptions.rate]
        latencyJobs = invocation[BenchOptions.latencyJobs]
        idle = .seconds(invocation[BenchOptions.idleSeconds])
        runs = invocation[BenchOptions.runs]
        queue = invocation[BenchOptions.queue]
        ready = invocation.optional(BenchOptions.ready) ?? jobs
        parts =
            invocation.optional(BenchOptions.only).map(Set.init)
            ?? Set(Part.allCases).subtracting([.lateness, .workflow, .scaling])
        if invocation[BenchOptions.scaling] { parts.insert(.scaling) }
        if invocation[BenchOptions.workflow] { parts.insert(.workflow) }
    }
}

/// The options of `jobrunner bench`.
enum BenchOptions {
    static let jobs = Option(
        "jobs", env: "JOBRUNNER_BENCH_JOBS", default: 1_000_000, placeholder: "N", unit: "jobs",
        help: "Jobs in bulk and a drain; half from 64 tasks, a twentieth from one.",
        read: .int(100...100_000_000))
    static let concurrency = Option(
        "concurrency", short: "c", env: "JOBRUNNER_BENCH_CONCURRENCY", default: 10,
        placeholder: "N", unit: "jobs", help: "Jobs the worker runs at once.", read: .int(1...1024))
    static let payload = Option(
        "payload", env: "JOBRUNNER_BENCH_PAYLOAD", default: 130, placeholder: "SIZE",
        help: "Size of a job as Redis holds it; not below what an envelope needs.",
        read: .size(1...60_000))
    static let rate = Option(
        "rate", env: "JOBRUNNER_BENCH_RATE", default: 100, placeholder: "N", unit: "jobs/s",
        help: "How fast latency jobs and calls come, or others beside those of lateness.",
        read: .int(1...100_000))
    static let latencyJobs = Option(
        "latency-jobs", env: "JOBRUNNER_BENCH_LATENCY_JOBS", default: 1000, placeholder: "N",
        unit: "jobs", help: "Jobs whose latency or lateness is taken, and calls.",
        read: .int(1...1_000_000))
    static let idleSeconds = Option(
        "idle-seconds", env: "JOBRUNNER_BENCH_IDLE_SECONDS", default: 10, placeholder: "N",
        unit: "seconds", help: "How long the idle worker is watched.", read: .int(1...3600))
    static let only = Option(
        "only", env: "JOBRUNNER_BENCH_ONLY", default: nil, placeholder: "LIST",
        help: "Parts to measure, with commas: "
            + "yardstick,enqueue,drain,latency,call,lateness,idle,workflow,scaling.",
        read: .parts)
    static let runs = Option(
        "repeat", env: "JOBRUNNER_BENCH_REPEAT", default: 1, placeholder: "N", unit: "runs",
        help: "Measure all of it so often; shown is the median, with lowest and highest.",
        read: .int(1...100))
    static let queue = Option(
        "queue", env: "JOBRUNNER_BENCH_QUEUE", default: "bench", placeholder: "NAME",
        help: "Name of the queue, under a prefix of the bench's own.", read: .name)
    static let scaling = Flag(
        "scaling", env: "JOBRUNNER_BENCH_SCALING",
        help: "Also drain bursts with few and with many jobs waiting.")
    static let workflow = Flag(
        "workflow", env: "JOBRUNNER_BENCH_WORKFLOW",
        help: "Also measure what steps of workflows cost Redis.")
    static let ready = Option(
        "ready", env: "JOBRUNNER_BENCH_READY", default: nil, placeholder: "N", unit: "jobs",
        help: "What many is for --scaling; as --jobs unless given.",
        read: .int(1000...100_000_000))
    static let output = Option(
        "output", short: "o", env: "JOBRUNNER_BENCH_OUTPUT", default: .table, placeholder: "FORMAT",
        help: "How to print: table or json.", read: ValueReader<BenchSettings.Output>.choice())

    static let all: [any AnyOption] = [
        jobs, concurrency, payload, rate, latencyJobs, idleSeconds, only, runs, queue, scaling,
        workflow, ready, output,
    ]
}

extension ValueReader where Value == [BenchSettings.Part] {
    /// Names of parts with commas between them.
    fileprivate static var parts: ValueReader<[BenchSettings.Part]> {
        let names = BenchSettings.Part.allCases.map(\.rawValue)
        return ValueReader(
            describe: "a list of " + names.joined(separator: ","), completion: .choices(names),
            show: { $0.map(\.rawValue).joined(separator: ",") }
        ) { text throws(InvalidValue) in
            var parts: [BenchSettings.Part] = []
            for word in text.split(separator: ",", omittingEmptySubsequences: false) {
                guard let part = BenchSettings.Part(rawValue: String(word)) else {
                    throw InvalidValue()
                }
                parts.append(part)
            }
            return parts
        }
    }
}

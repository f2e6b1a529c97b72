/// Everything that the bench reports, with its place in the JSON: `latency_us.p50` is `p50` in
/// the object `latency_us`.
enum BenchFigure: String, CaseIterable, Sendable {
    case enqueueOne = "enqueue_one_per_s"
    case enqueueMany = "enqueue_64_per_s"
    case enqueueBulk = "enqueue_bulk_per_s"
    case enqueueRedis = "enqueue_redis_us_per_job"
    case enqueueProducer = "enqueue_producer_us_per_job"

    case drain = "drain_per_s"
    case drainSilent = "drain_no_result_per_s"
    case redis = "redis_us_per_job"
    case redisSilent = "redis_no_result_us_per_job"
    case redisScripts = "redis_script_us_per_job"
    case worker = "worker_us_per_job"
    case workerSilent = "worker_no_result_us_per_job"
    case cycles = "drain_scripts_per_1000_jobs"
    case residentAfter = "rss_after_mib"

    case latency50 = "latency_us.p50"
    case latency99 = "latency_us.p99"
    case latency999 = "latency_us.p999"
    case latencyMax = "latency_us.max"
    case latencyCount = "latency_us.n"

    case callNext50 = "call_next_us.p50"
    case callNext99 = "call_next_us.p99"
    case call50 = "call_us.p50"
    case call99 = "call_us.p99"
    case call999 = "call_us.p999"
    case callMax = "call_us.max"
    case callCount = "call_us.n"

    case lateness50 = "lateness_ms.p50"
    case lateness99 = "lateness_ms.p99"
    case latenessMax = "lateness_ms.max"
    case latenessCount = "lateness_ms.n"

    case idleTrips = "idle_round_trips_per_s"
    case idleCommands = "idle_commands_per_s"
    case idleCPU = "idle_cpu_percent"
    case idleRedisCPU = "idle_redis_cpu_percent"
    case residentIdle = "rss_idle_mib"

    case workflowPlain = "workflow_redis_us.plain_job"
    case workflowMember = "workflow_redis_us.group_member"
    case workflowStep = "workflow_redis_us.chain_step"

    case pings = "yardstick.ping_per_s"
    case pushes = "yardstick.lpush_per_s"
    case plainJobs = "yardstick.plain_jobs_per_s"
    case plainRedis = "yardstick.plain_redis_us_per_job"

    case burstFew = "scaling.burst_few_per_s"
    case burstReady = "scaling.burst_ready_per_s"
    case burstScheduled = "scaling.burst_scheduled_per_s"

    /// What a figure is divided by to be compared between machines.
    var yardstick: BenchFigure? {
        switch self {
        case .enqueueOne: .pings
        case .enqueueMany, .enqueueBulk, .drain, .drainSilent: .pushes
        case .redis, .redisSilent: .plainRedis
        case .burstReady, .burstScheduled: .burstFew
        case .workflowMember, .workflowStep: .workflowPlain
        default: nil
        }
    }
}

/// The samples of every figure, one a run.
struct BenchFigures: Sendable {
    private var samples: [BenchFigure: [Double]] = [:]

    /// Adds the sample of one run.
    mutating func add(_ figure: BenchFigure, _ value: Double) {
        samples[figure, default: []].append(value)
    }

    /// The median of the runs, nil when it was not measured.
    subscript(figure: BenchFigure) -> Double? {
        median(samples[figure] ?? [])
    }

    /// The lowest and the highest of several runs.
    func spread(_ figure: BenchFigure) -> ClosedRange<Double>? {
        guard let all = samples[figure], all.count > 1, let low = all.min(), let high = all.max()
        else { return nil }
        return low...high
    }

    /// How many times its yardstick it is.
    func ratio(_ figure: BenchFigure) -> Double? {
        guard let value = self[figure], let yardstick = figure.yardstick.flatMap({ self[$0] }),
            yardstick > 0
        else { return nil }
        return value / yardstick
    }
}

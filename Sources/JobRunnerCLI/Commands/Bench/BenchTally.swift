internal import JobRunner
internal import Synchronization

/// Counts the runs of one `go`; called by the handlers, from any thread.
///
/// An atomic for the count, a lock only at the first job and for latencies: what is measured
/// is the worker, not the bench.
final class BenchTally: Sendable {
    private struct Start {
        var at: Int64 = 0
        var cpu: Double = 0
        var samples: [Int64] = []
    }

    private let target: Int
    private let count = Atomic<Int>(0)
    private let start = Mutex(Start())
    private let onFinish: @Sendable (BenchReport) -> Void

    init(target: Int, onFinish: @escaping @Sendable (BenchReport) -> Void) {
        self.target = target
        self.onFinish = onFinish
    }

    /// A handler started.
    func note() {
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue
        if number == 1 {
            let usage = ProcessUsage.cpu()
            start.withLock {
                $0.at = monotonicNanoseconds()
                $0.cpu = usage
            }
        }
        if number == target { finish() }
    }

    /// A handler started whose job was enqueued at that time; 0 is a job to warm up.
    func note(enqueuedAt: Int64, startedAt: Int64) {
        if enqueuedAt == 0 { return }
        start.withLock { $0.samples.append(startedAt - enqueuedAt) }
        note()
    }

    private func finish() {
        var report = BenchReport(.finished)
        report.last = monotonicNanoseconds()
        report.cpu = ProcessUsage.cpu()
        report.resident = ProcessMemory.resident()
        start.withLock {
            report.first = $0.at
            report.cpuAtFirst = $0.cpu
            report.samples = $0.samples
        }
        onFinish(report)
    }
}

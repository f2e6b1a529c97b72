/// What a worker counted in one queue since its last flush.
struct Counts: Sendable {
    /// Counters of one kind of job.
    struct OfJob: Sendable {
        var done = 0
        var failed = 0
        /// Sum of run times, µs.
        var runMicroseconds = 0
    }

    var done = 0
    var failed = 0
    var retried = 0
    var buried = 0
    var released = 0
    var reaped = 0
    /// Put off by a limit or a pause.
    var deferred = 0
    /// Run times: bucket → jobs; see `RunTimeBuckets`.
    var runTimes = [UInt32](repeating: 0, count: RunTimeBuckets.count)
    var jobs: [String: OfJob] = [:]

    var isEmpty: Bool {
        done == 0 && failed == 0 && retried == 0 && buried == 0 && released == 0 && reaped == 0
            && deferred == 0
    }

    /// Takes all, leaving zeros.
    mutating func take() -> Counts {
        var taken = Counts()
        swap(&taken, &self)
        return taken
    }

    /// Field and amount of everything that is not zero.
    var fields: [(String, Int)] {
        var fields = [
            ("done", done), ("failed", failed), ("retried", retried), ("buried", buried),
            ("released", released), ("reaped", reaped), ("deferred", deferred),
        ]
        for (bucket, jobs) in runTimes.enumerated() { fields.append(("t\(bucket)", Int(jobs))) }
        for (name, count) in jobs {
            fields.append(("job:\(name):done", count.done))
            fields.append(("job:\(name):failed", count.failed))
            fields.append(("job:\(name):us", count.runMicroseconds))
        }
        return fields.filter { $0.1 != 0 }
    }
}

/// Run times in buckets that grow by a quarter of an octave: a percentile, told as its bucket's
/// upper bound, is at most 25 % too high.
package enum RunTimeBuckets {
    /// 1 µs to 2^33 µs (2.4 hours), four buckets an octave.
    package static let count = 132

    /// The bucket of a run time.
    package static func index(microseconds: Int) -> Int {
        let value = max(1, microseconds)
        let octave = Int.bitWidth - 1 - value.leadingZeroBitCount
        let quarter = octave >= 2 ? (value >> (octave - 2)) & 3 : (value << (2 - octave)) & 3
        return min(count - 1, octave * 4 + quarter)
    }

    /// The upper bound of a bucket, µs.
    package static func upperBound(_ index: Int) -> Double {
        let base = Double(UInt64(1) << UInt64(index / 4))
        return base * (1 + Double(index % 4 + 1) / 4)
    }

    /// The run time that a share of jobs did not exceed, µs; nil when there are none.
    package static func percentile(_ share: Double, of counts: [Int]) -> Double? {
        let total = counts.reduce(0, +)
        guard total > 0 else { return nil }
        var left = Double(total) * share
        for (index, jobs) in counts.enumerated() {
            left -= Double(jobs)
            if left <= 0 { return upperBound(index) }
        }
        return upperBound(count - 1)
    }
}

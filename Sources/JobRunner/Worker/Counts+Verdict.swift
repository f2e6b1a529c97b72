internal import RedisLink

extension Counts {
    mutating func note(_ verdict: Verdict) {
        let end = verdict.end
        switch end.verdict {
        case .done: done += 1
        case .retried: retried += 1
        case .buried: buried += 1
        case .discarded, .cancelled, .expired: done += 1
        case .snoozed, .parked: break
        case .deferred, .blocked: deferred += 1
        case .released: released += 1
        }
        guard verdict.handled else { return }
        let microseconds = Int(end.ran.nanoseconds / 1000)
        runTimes[RunTimeBuckets.index(microseconds: microseconds)] += 1
        let isFailure = end.verdict == .retried || end.verdict == .buried
        if isFailure { failed += 1 }
        jobs[end.job, default: OfJob()].note(!isFailure, microseconds)
    }
}

extension Counts.OfJob {
    fileprivate mutating func note(_ isDone: Bool, _ microseconds: Int) {
        if isDone { done += 1 } else { failed += 1 }
        runMicroseconds += microseconds
    }
}

/// What is to be done about a schedule that is due: which ticks are enqueued, which are missed.
///
/// Decided from the oldest tick that was not fired, the server's clock and the policy, and carried
/// out step by step: each step moves the schedule from one tick to another, or not at all when
/// another process did it before.
struct Catchup: Sendable, Equatable {
    /// One call of `fire.lua`.
    struct Step: Sendable, Equatable {
        /// The tick that the schedule stands at.
        var expected: Int
        /// The tick whose job is enqueued; nil: none.
        var fires: Int?
        /// Where the schedule stands then; nil: it is never due again.
        var next: Int?
        /// Ticks that nothing is done about.
        var missed: Int
    }

    var steps: [Step]

    /// A tick that is later than this was missed, ms.
    static let patience = 60_000

    /// - Parameters:
    ///   - first: The tick that the schedule stands at, nominal.
    ///   - now: The server's clock, ms.
    init(from first: Int, at now: Int, _ timetable: Timetable, _ policy: Schedule.Missed) {
        let most =
            switch policy {
            case .skip, .once: 1
            case .all(let most): most
            }
        let (ticks, before) = timetable.due(from: first, at: now, most: most)
        steps = []
        for (index, tick) in ticks.enumerated() {
            let isLast = index == ticks.count - 1
            var step = Step(
                expected: index == 0 ? first : tick, fires: tick,
                next: isLast ? timetable.next(after: tick) : ticks[index + 1],
                missed: index == 0 ? before : 0)
            if policy == .skip, now - timetable.due(tick) > Self.patience {
                step.fires = nil
                step.missed += 1
            }
            steps.append(step)
        }
    }
}

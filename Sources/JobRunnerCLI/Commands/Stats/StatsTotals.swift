internal import FoundationEssentials
internal import JobRunner

/// All queues and workers together.
struct StatsTotals: Sendable {
    var ready = 0
    var scheduled = 0
    var active = 0
    var dead = 0
    var parked = 0
    var blocked = 0
    var failed = 0
    var schedules = QueueStats.Schedules()
    /// Nil when it is not known of any queue.
    var incoming: QueueStats.Throughput?
    var outgoing = QueueStats.Throughput.zero
    /// Of the workers that are not lapsed.
    var slots = 0
    var busy = 0

    init(_ stats: Stats) {
        for queue in stats.queues {
            ready += queue.ready
            scheduled += queue.scheduled
            active += queue.active
            dead += queue.dead
            parked += queue.parked
            blocked += queue.blocked
            failed &+= queue.recent.failed
            schedules.count += queue.schedules.count
            schedules.paused += queue.schedules.paused
            schedules.late += queue.schedules.late
            if let due = queue.schedules.nextDue {
                schedules.nextDue = min(schedules.nextDue ?? due, due)
            }
            outgoing = outgoing + queue.outgoing
            if let rates = queue.incoming {
                incoming = (incoming ?? .zero) + rates
            }
        }
        for worker in stats.workers where worker.state != .lapsed {
            slots &+= worker.slots ?? 0
            busy &+= worker.busy ?? 0
        }
    }
}

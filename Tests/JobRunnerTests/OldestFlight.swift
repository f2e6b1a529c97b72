@testable import JobRunner

/// Replies come in the order of the cycles: what tests answer is the oldest on the wire.
extension Lane {
    var flight: Flight? { flights.first }
}

extension Dispatch {
    mutating func cycled(_ index: Int, life: Int, _ reply: CycleReply, now: Int64) -> Orders {
        cycled(index, life: life, serial: lanes[index].flight?.serial ?? 0, reply, now: now)
    }

    mutating func cycleFailed(
        _ index: Int, life: Int, now: Int64, using random: inout some RandomNumberGenerator
    ) -> Orders {
        cycleFailed(
            index, life: life, serial: lanes[index].flight?.serial ?? 0, now: now, using: &random)
    }
}

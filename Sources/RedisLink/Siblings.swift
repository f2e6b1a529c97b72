internal import Synchronization

/// The connections of one router: when one of them has reached the server, the others need not
/// wait for their own next try.
///
/// Else a worker whose fetches are back may lose its lease, because its heartbeat still waits.
final class Siblings: Sendable {
    private struct Member {
        weak var connection: ConnectionShared?
    }

    private let members = Mutex<[Member]>([])

    func add(_ connection: ConnectionShared) {
        members.withLock { members in
            members.removeAll { $0.connection == nil }
            members.append(Member(connection: connection))
        }
    }

    /// - Parameter connection: The one that has.
    func hasReached(_ connection: ConnectionShared) {
        let others = members.withLock { $0.compactMap(\.connection) }
        for other in others where other !== connection { other.hurry() }
    }
}

internal import Dispatch
internal import JobRunner
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Asks a command that is under way to stop at the next place where that is safe.
final class Interrupts: Sendable {
    private let wakeup: Wakeup
    private let flag = Atomic(false)

    /// - Throws: `RedisError.unreachable` when the process is out of descriptors.
    init() throws(RedisError) {
        wakeup = try Wakeup()
    }

    var isRequested: Bool { flag.load(ordering: .acquiring) }

    /// Becomes readable with the request: ends a `poll` on it and stays readable.
    var descriptor: Int32 { wakeup.descriptor }

    func request() {
        flag.store(true, ordering: .releasing)
        wakeup.signal()
    }

    /// Hears Ctrl-C until `body` returns; a second one ends the process as usual.
    func listening<R>(_ body: () async throws -> R) async rethrows -> R {
        signal(SIGINT, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: SIGINT)
        source.setEventHandler { [self] in
            request()
            signal(SIGINT, SIG_DFL)
        }
        source.resume()
        defer {
            source.cancel()
            signal(SIGINT, SIG_DFL)
        }
        return try await body()
    }
}

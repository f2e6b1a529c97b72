#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Who a worker is: `<host>-<pid>-<random>`, new for every life of a process.
package struct WorkerIdentity: Sendable {
    package let host: String
    package let pid: Int
    /// Registered in every queue of the worker.
    package let id: String

    /// This process, now.
    package init() {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let text = String(
            decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // In keys and log lines: nothing that would need escaping, and not too long.
        let safe = text.utf8.map { NameError.isNameByte($0) ? $0 : UInt8(ascii: "-") }
        host = String(decoding: safe.prefix(48), as: UTF8.self)
        pid = Int(getpid())
        let random = UInt64.random(in: 0...UInt64.max)
        id = "\(host)-\(pid)-\(String(random, radix: 36))"
    }

    /// The id after so many lost leases: registered once, hence new.
    func next(life: Int) -> String { "\(id)+\(life)" }

    /// The id a worker had first: what its info is kept under.
    package static func first(of id: String) -> String {
        String(id.prefix { $0 != "+" })
    }
}

internal import FoundationEssentials

#if canImport(Glibc)
    package import Glibc
#elseif canImport(Darwin)
    package import Darwin
#endif

/// The memory of this process, or of another.
package enum ProcessMemory {
    /// Resident bytes; 0 where the system does not say, and for a process that is gone.
    ///
    /// - Parameter pid: Nil is this process.
    package static func resident(of pid: pid_t? = nil) -> Int {
        let path = "/proc/\(pid.map { "\($0)" } ?? "self")/statm"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return 0 }
        let words = text.split(separator: " ")
        return words.count > 1 ? (Int(words[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
    }
}

internal import JobRunner
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A child of the supervisor: the process, and the pipe on which it reports.
struct SupervisedProcess: Sendable {
    /// How it ended, for the thread that reads its reports.
    private final class Ending: Sendable {
        let wakeup: Wakeup
        let end = Mutex<ChildProcess.End?>(nil)

        init() throws { wakeup = try Wakeup() }

        func note(_ end: ChildProcess.End) {
            self.end.withLock { $0 = end }
            wakeup.signal()
        }
    }

    let process: ChildProcess

    /// - Parameters:
    ///   - path: The executable; it gets this process's command line.
    ///   - number: Its place.
    ///   - lifeline: The reading end of the pipe that closes with this process.
    ///   - onReport: Called for each report, on a thread of its own.
    ///   - onEnd: Called once, after the last report.
    /// - Throws: `CommandFailure`, `RedisError` when out of descriptors.
    init(
        _ path: String, number: Int, environment: [String: String], lifeline: Int32,
        onReport: @escaping @Sendable (ChildReport) -> Void,
        onEnd: @escaping @Sendable (ChildProcess.End) -> Void
    ) throws {
        let ending = try Ending()
        let (reading, writing) = try Self.pipe()
        defer { close(writing) }
        var variables = environment
        variables[ChildLink.variable] = ChildLink.value(number: number)
        do {
            process = try ChildProcess(
                path, Swift.CommandLine.arguments, environment: variables,
                descriptors: [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, lifeline, writing]
            ) { ending.note($0) }
        } catch {
            close(reading)
            throw error
        }
        startCommandThread("reports") {
            let end = Self.read(reading, until: ending, onReport)
            close(reading)
            onEnd(end)
        }
    }

    /// A pipe that children do not inherit by themselves.
    ///
    /// In two steps: all children are started by the supervisor's loop, one at a time.
    static func pipe() throws(CommandFailure) -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [-1, -1]
        #if canImport(Darwin)
            let failed = Darwin.pipe(&ends) != 0
        #else
            let failed = Glibc.pipe(&ends) != 0
        #endif
        guard !failed else {
            throw CommandFailure("cannot make a pipe: \(errorText(errno))", exit: .internal)
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    /// Reads reports until the process is gone, and then what it left in the pipe.
    ///
    /// Not until the end of the pipe: something that the child started may have inherited it.
    private static func read(
        _ descriptor: Int32, until ending: Ending, _ onReport: (ChildReport) -> Void
    ) -> ChildProcess.End {
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        var line: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        var isOpen = true
        while true {
            let end = ending.end.withLock { $0 }
            while isOpen {
                let count = readSome(descriptor, &chunk)
                if count < 0, errno == EINTR { continue }
                if count == 0 { isOpen = false }
                guard count > 0 else { break }
                for byte in chunk[..<count] {
                    if byte != UInt8(ascii: "\n") {
                        line.append(byte)
                        continue
                    }
                    let text = String(decoding: line, as: UTF8.self)
                    if let report = ChildReport(line: text) { onReport(report) }
                    line = []
                }
            }
            if let end { return end }
            var entries = [
                pollfd(fd: isOpen ? descriptor : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: ending.wakeup.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            _ = poll(&entries, 2, -1)
        }
    }
}

// Outside the type, where `read` means the system's.
private func readSome(_ descriptor: Int32, _ bytes: inout [UInt8]) -> Int {
    read(descriptor, &bytes, bytes.count)
}

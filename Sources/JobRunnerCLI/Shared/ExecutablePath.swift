internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Where the file of this process is, to be run again.
enum ExecutablePath {
    /// The absolute path this process was started by; links on the way are kept as they are, so
    /// that a deploy may move one to a new version.
    ///
    /// - Parameters:
    ///   - word: How it was called: the first word of its command line.
    ///   - search: What `PATH` says.
    ///   - directory: The working directory.
    static func resolve(_ word: String, search: String?, directory: String) -> String {
        if word.hasPrefix("/") { return word }
        if word.contains("/") { return directory + "/" + word }
        // As a shell finds it; an empty part is the working directory.
        let parts = (search ?? "/usr/bin:/bin").split(
            separator: ":", omittingEmptySubsequences: false)
        for part in parts {
            let base = part.hasPrefix("/") ? String(part) : directory + "/" + part
            let path = base + "/" + word
            if access(path, X_OK) == 0 { return path }
        }
        return directory + "/" + word
    }

    /// Of this process, as it is now.
    static func ofThisProcess() -> String {
        let word = Swift.CommandLine.arguments.first ?? "jobrunner"
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let hasDirectory = getcwd(&buffer, buffer.count) != nil
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return resolve(
            word, search: getenv("PATH").map { String(cString: $0) },
            directory: hasDirectory ? String(decoding: bytes, as: UTF8.self) : ".")
    }
}

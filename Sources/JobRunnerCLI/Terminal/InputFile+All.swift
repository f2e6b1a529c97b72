extension InputFile {
    /// The whole of a small file, read on a thread of its own.
    ///
    /// - Parameters:
    ///   - path: `-` is standard input.
    ///   - limit: Most bytes.
    /// - Returns: Nil when there is more; and the file's name for messages.
    /// - Throws: Exit code 65 when it cannot be read.
    static func all(of path: String, limit: Int, standardInput: Int32)
        async throws(CommandFailure) -> (bytes: [UInt8]?, name: String)
    {
        let read: Result<(bytes: [UInt8]?, name: String), CommandFailure> =
            await withCheckedContinuation { continuation in
                startCommandThread("input") {
                    do throws(CommandFailure) {
                        let file = try InputFile(path, standardInput: standardInput)
                        let bytes = try file.readAll(limit: limit)
                        continuation.resume(returning: .success((bytes, file.name)))
                    } catch {
                        continuation.resume(returning: .failure(error))
                    }
                }
            }
        return try read.get()
    }
}

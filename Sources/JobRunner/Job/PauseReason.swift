/// Why something is paused, in the words of who paused it.
package enum PauseReason {
    /// Characters.
    package static let longest = 200

    /// Whether it is one line, and not too long.
    package static func isAllowed(_ text: String) -> Bool {
        text.count <= longest && !text.contains(where: \.isNewline)
    }

    /// - Throws: `JobRunnerError.invalid`.
    static func check(_ text: String) throws(JobRunnerError) {
        guard isAllowed(text) else {
            throw .invalid("the reason of a pause must be one line of at most 200 characters")
        }
    }
}

internal import JobRunner

/// A name of which there is nothing: the same words and exit code wherever it is asked for.
enum UnknownName {
    /// - Parameters:
    ///   - noun: What it should have been, as in `queue`.
    ///   - known: Those that there are.
    ///   - list: The command that lists them.
    static func failure(
        _ noun: String, _ name: String, among known: [String], list: String
    ) -> CommandFailure {
        let near = Suggestion.nearest(to: name, among: known)
        let question = near.map { "Did you mean '\(escaped($0))'? " } ?? ""
        return CommandFailure(
            "there is no \(noun) '\(escaped(name))'",
            hint: "\(question)'\(list)' shows those that there are.", exit: .no)
    }
}

/// Gives the words of a command line to the arguments of its command, in order.
enum ArgumentResolver {
    /// - Returns: The values by name; an argument that was left out has its default or none.
    static func values(
        of arguments: [any AnyArgument], words: [String]
    ) throws(CommandFailure) -> [String: [any Sendable]] {
        var rest = words[...]
        var found: [String: [any Sendable]] = [:]
        for argument in arguments {
            let info = argument.info
            let mine = info.repeats ? rest : rest.prefix(1)
            rest = rest.dropFirst(mine.count)
            if mine.isEmpty, info.isRequired {
                throw CommandFailure("argument \(info.label) is missing")
            }
            var values: [any Sendable] = []
            for word in mine { values.append(try argument.read(word)) }
            if values.isEmpty, let value = argument.anyDefault { values = [value] }
            found[info.name] = values
        }
        if let extra = rest.first {
            throw CommandFailure("unexpected argument '\(escaped(extra))'")
        }
        return found
    }
}

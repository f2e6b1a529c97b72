/// The place of a job in a workflow: printed as `queue/id/step`, and `/input` when it takes one;
/// with a `+` before the step when all jobs of the workflow are in that queue, and `>` and what its
/// end leads to behind it when that is one plain thing.
package struct FlowPlace: Sendable, Hashable, CustomStringConvertible {
    /// What a step takes from the steps before it.
    package enum Input: Sendable, Hashable {
        /// What one step returned.
        case value(of: String)
        /// What several returned, as a list.
        case list([String])
        /// What several returned, as an object: name, step.
        case object([Pair])
        /// How a step failed.
        case failure(of: String)
    }

    /// What the end of a step leads to, when it is done and nothing else is to be looked at.
    package enum Next: Sendable, Hashable {
        /// One step, which waits for no other.
        case step(String, takesValue: Bool)
        /// A group that waits for all of its members.
        case group(String)
    }

    package struct Pair: Sendable, Hashable {
        package let name: String
        package let step: String
    }

    /// The workflow's home: where its keys are.
    package let queue: String
    package let id: String
    /// `7`; `0:name` for a member of an open group, `0:name@queue` when it is in another queue.
    package let step: String
    /// Nil when it takes nothing.
    package let input: Input?
    /// All jobs of the workflow are in its home queue and ask for nothing but to be run: what the
    /// end of one leads to is done with its ack.
    package let isLocal: Bool
    /// Spares the server a look at the plan: nil says nothing.
    package let next: Next?

    package init(
        queue: String, id: String, step: String, input: Input? = nil, isLocal: Bool = false,
        next: Next? = nil
    ) {
        self.next = next
        self.isLocal = isLocal
        self.queue = queue
        self.id = id
        self.step = step
        self.input = input
    }

    /// Parses the text of an envelope; nil for what is none.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count >= 3, Self.isName(parts[0]), Self.isName(parts[1]) else { return nil }
        let isLocal = parts[2].hasPrefix("+")
        let words = (isLocal ? parts[2].dropFirst() : parts[2])
            .split(separator: ">", maxSplits: 1, omittingEmptySubsequences: false)
        guard let step = words.first, Self.isStep(step) else { return nil }
        var next: Next?
        if words.count == 2 {
            next = Next(words[1])
            if next == nil { return nil }
        }
        var input: Input?
        if parts.count == 4 {
            input = Input(parts[3])
            if input == nil { return nil }
        }
        self.init(
            queue: String(parts[0]), id: String(parts[1]), step: String(step), input: input,
            isLocal: isLocal, next: next)
    }

    /// Digits, and for a member of an open group a colon and its name, and `@queue` where that is
    /// not the workflow's home.
    static func isStep(_ text: Substring) -> Bool {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let number = parts.first, !number.isEmpty, number.utf8.count <= 6,
            number.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return false }
        return parts.count == 1
            || parts[1].split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
                .allSatisfy(isName)
    }

    static func isName(_ text: Substring) -> Bool {
        (1...NameError.maxBytes).contains(text.utf8.count)
            && text.utf8.allSatisfy(NameError.isNameByte)
    }

    package var description: String {
        "\(queue)/\(id)/" + (isLocal ? "+" : "") + step + (next.map { ">\($0)" } ?? "")
            + (input.map { "/\($0)" } ?? "")
    }

    /// The id of the job: it begins with the workflow's.
    package var jobID: String {
        "\(id)." + (step.split(separator: "@").first ?? "").replacing(":", with: ".")
    }

    /// The queue that the job of a member of an open group is in.
    package var memberQueue: String {
        step.firstIndex(of: "@").map { String(step[step.index(after: $0)...]) } ?? queue
    }

    /// `queue/id`: names the whole workflow.
    package var handle: String { "\(queue)/\(id)" }
}

extension FlowPlace.Next: CustomStringConvertible {
    /// `4`, `4<` when it takes the value, or `g4`.
    package var description: String {
        switch self {
        case .step(let step, let takesValue): takesValue ? step + "<" : step
        case .group(let step): "g" + step
        }
    }

    init?(_ text: Substring) {
        let isGroup = text.hasPrefix("g")
        let takesValue = !isGroup && text.hasSuffix("<")
        let step = isGroup ? text.dropFirst() : takesValue ? text.dropLast() : text
        guard FlowPlace.isStep(step), !step.contains(":") else { return nil }
        self =
            isGroup ? .group(String(step)) : .step(String(step), takesValue: takesValue)
    }
}

extension FlowPlace.Input: CustomStringConvertible {
    /// `3`, `[1,2]`, `{a:1,b:2}` or `!3`.
    package var description: String {
        switch self {
        case .value(let step): step
        case .list(let steps): "[" + steps.joined(separator: ",") + "]"
        case .object(let pairs):
            "{" + pairs.map { "\($0.name):\($0.step)" }.joined(separator: ",") + "}"
        case .failure(let step): "!" + step
        }
    }

    init?(_ text: Substring) {
        func items(_ text: Substring) -> [Substring] {
            text.dropFirst().dropLast().split(separator: ",")
        }
        switch (text.first, text.last) {
        case ("[", "]"):
            let steps = items(text)
            guard steps.allSatisfy(FlowPlace.isStep) else { return nil }
            self = .list(steps.map(String.init))
        case ("{", "}"):
            var pairs: [FlowPlace.Pair] = []
            for item in items(text) {
                let parts = item.split(separator: ":", maxSplits: 1)
                guard parts.count == 2, FlowPlace.isName(parts[0]), FlowPlace.isStep(parts[1])
                else { return nil }
                pairs.append(.init(name: String(parts[0]), step: String(parts[1])))
            }
            self = .object(pairs)
        case ("!", _):
            guard FlowPlace.isStep(text.dropFirst()) else { return nil }
            self = .failure(of: String(text.dropFirst()))
        default:
            guard FlowPlace.isStep(text) else { return nil }
            self = .value(of: String(text))
        }
    }

    /// The steps whose values it is made of, in order.
    var steps: [String] {
        switch self {
        case .value(let step), .failure(let step): [step]
        case .list(let steps): steps
        case .object(let pairs): pairs.map(\.step)
        }
    }

    /// The JSON that the step takes.
    ///
    /// - Parameter values: One a step, in the order of `steps`.
    func json(of values: [[UInt8]]) -> [UInt8] {
        switch self {
        case .value, .failure: return values.first ?? Array("null".utf8)
        case .list: return Self.joined(values, "[", "]")
        case .object(let pairs):
            return Self.joined(
                zip(pairs, values).map { Array("\"\($0.name)\":".utf8) + $1 }, "{", "}")
        }
    }

    private static func joined(_ parts: [[UInt8]], _ open: String, _ close: String) -> [UInt8] {
        Array(open.utf8) + Array(parts.joined(separator: [UInt8(ascii: ",")]))
            + Array(close.utf8)
    }
}

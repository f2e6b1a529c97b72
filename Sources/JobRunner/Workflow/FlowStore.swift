internal import RedisLink

/// The store of one workflow: its scripts and its keys.
package struct FlowStore: Sendable {
    package let keys: QueueKeys
    package let id: String

    package init(_ keys: QueueKeys, id: String) {
        self.keys = keys
        self.id = id
    }

    /// HASH: what scripts read, and the plan that people are shown.
    package var flow: String { keys.flow(id) }
    /// SET: what a group, or a step of several others, waits for.
    package func wait(_ step: String) -> String { "\(flow):wait:\(step)" }
    /// SET: members of an open group that are done, and one entry of none.
    package func done(_ step: String) -> String { "\(flow):ok:\(step)" }
    /// SET: members of an open group that have failed.
    package func failed(_ step: String) -> String { "\(flow):bad:\(step)" }

    /// A field of the hash about a step.
    package enum Field: String {
        /// `<letter> <by> <at> <since>`, see `FlowState`.
        case state = "s"
        /// What it returned, or its failure, JSON.
        case answer = "a"
        /// Queue, line feed, job.
        case job = "j"

        package func of(_ step: some CustomStringConvertible) -> String { "\(rawValue):\(step)" }
    }

    /// Bytes that the results of a group may have together.
    package static let mostGathered = 8 << 20

    /// A job as a workflow keeps it.
    package struct Entry: Sendable, Equatable {
        package let queue: String
        package let json: [UInt8]

        init(queue: String, json: [UInt8]) {
            self.queue = queue
            self.json = json
        }

        /// Reads queue, line feed, job.
        init?(_ bytes: [UInt8]) {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            queue = String(decoding: bytes[..<end], as: UTF8.self)
            json = Array(bytes[(end + 1)...])
        }

        var bytes: [UInt8] { Array(queue.utf8) + [UInt8(ascii: "\n")] + json }

        /// The job's id.
        var id: String { Envelope.idAtStart(of: json)?.description ?? sha1Hex(json) }
    }

    /// What the end of a step led to.
    package struct Advance: Sendable {
        /// The whole workflow has ended.
        package var isOver = false
        /// What may start now: step and job.
        package var starts: [(step: String, job: Entry)] = []
        /// What runs or waits and is not wanted any more.
        package var stops: [Entry] = []
    }

    /// What a workflow is opened with.
    package struct Opening: Sendable {
        package var fields: [(name: String, value: [UInt8])] = []
        package var waits: [(step: Int, steps: [String])] = []
        /// Of `fields`, the first so many are jobs of its home that start with it.
        package var starts = 0
        /// How long its id is known after its end, at the least, ms; 0 is as long as it is kept.
        package var known = 0

        package init() {}
    }

    /// What became of an opening.
    package enum Opened: Int, Sendable {
        case new = 1
        /// It is there already.
        case known = 0
        /// Its queue has no room for the jobs that start with it: nothing was done.
        case full = -2
    }

    /// `flow.lua`: writes a workflow down, and begins it.
    ///
    /// - Parameters:
    ///   - life: How long it may live at most, ms.
    ///   - longest: Most jobs that may be ready in its home; 0 is no limit.
    package func open(_ opening: Opening, life: Int, longest: Int = 0) -> Call<Opened> {
        var words = Arguments(
            calling: Scripts.flow, keys: [flow, keys.flows, keys.result(id), keys.ready])
        words.append(id)
        words.append(life, Self.mostListed, opening.known)
        words.append(longest, 2 * opening.fields.count, opening.starts)
        for (name, value) in opening.fields {
            words.append(name)
            words.append(value)
        }
        words.append(opening.waits.count)
        for (step, steps) in opening.waits {
            words.append(step, steps.count)
            for step in steps { words.append(step) }
        }
        return Call(key: flow, command: Command(script: Scripts.flow, words)) {
            reply throws(RedisError) in
            guard let opened = reply.integer.flatMap(Opened.init) else {
                throw .unexpectedReply(command: "flow", got: reply.kind)
            }
            return opened
        }
    }

    /// Workflows that the list of a queue has room for.
    static let mostListed = 10_000

    /// `enlist.lua`: lets an open group wait for further members.
    ///
    /// - Returns: How many it waits for; nil when it has ended, or is unknown.
    package func enlist(_ group: Int, _ members: [String]) -> Call<Int?> {
        var words = Arguments(calling: Scripts.enlist, keys: [flow, wait("\(group)")])
        words.append(group)
        for member in members { words.append(member) }
        return Call(key: flow, command: Command(script: Scripts.enlist, words)) {
            $0.integer.flatMap { $0 < 0 ? nil : $0 }
        }
    }

    /// `advance.lua`: a step has ended.
    ///
    /// May be sent again: the answer is the same.
    ///
    /// - Parameters:
    ///   - letter: Of the state that it ended in.
    ///   - json: What it returned, or its failure; nil is nothing.
    ///   - job: The id of the one that says so; empty for a mark.
    ///   - next: What its place says that it leads to.
    /// - Returns: Nil when there is no such workflow (any more).
    package func advance(
        _ step: String, _ letter: String, _ json: [UInt8]?, by job: String = "",
        next: FlowPlace.Next? = nil
    ) -> Call<Advance?> {
        var words = Arguments(calling: Scripts.advance, keys: [flow, keys.result(id)])
        words.append(step)
        words.append(letter)
        words.append(json ?? [])
        words.append(Self.mostGathered)
        words.append(job)
        if let next { words.append(next.description) }
        return Call(key: flow, command: Command(script: Scripts.advance, words)) {
            reply throws(RedisError) in
            let parts = reply.array ?? []
            if parts.first?.integer == -1 { return nil }
            guard parts.count == 3, let starts = parts[1].array, let stops = parts[2].array else {
                throw .unexpectedReply(command: "advance", got: reply.kind)
            }
            var result = Advance(isOver: parts[0].integer == 1)
            for index in stride(from: 0, to: starts.count - 1, by: 2) {
                guard let step = starts[index].text,
                    let job = starts[index + 1].bytes.flatMap(Entry.init)
                else { throw .unexpectedReply(command: "advance", got: starts[index + 1].kind) }
                result.starts.append((step, job))
            }
            result.stops = stops.compactMap { $0.bytes.flatMap(Entry.init) }
            return result
        }
    }

    /// `halt.lua`: cancels the workflow; what runs or waits is for the caller to cancel.
    ///
    /// - Returns: Nil when there is no such workflow; no jobs, and false, when it ended before.
    package func halt(_ failure: [UInt8]) -> Call<(isHalted: Bool, stops: [Entry])?> {
        var words = Arguments(
            calling: Scripts.halt, keys: [flow, keys.result(id)])
        words.append(failure)
        return Call(key: flow, command: Command(script: Scripts.halt, words)) {
            reply throws(RedisError) in
            let parts = reply.array ?? []
            switch parts.first?.integer {
            case -1: return nil
            case 0: return (false, [])
            case 1:
                let stops = parts.count > 1 ? parts[1].array ?? [] : []
                return (true, stops.compactMap { $0.bytes.flatMap(Entry.init) })
            default: throw .unexpectedReply(command: "halt", got: reply.kind)
            }
        }
    }

    /// Whether all jobs that it was opened with are in its home queue, and plain.
    package func isLocal() -> Call<Bool> {
        Call(key: flow, command: Command("HGET", flow, "local")) { $0.text == "1" }
    }

    /// The states of steps, as they are written; nil for those that nothing set off.
    package func states(of steps: [String]) -> Call<[String?]> {
        Call(key: flow, command: Command(["HMGET", flow] + steps.map(Field.state.of))) {
            ($0.array ?? []).map(\.text)
        }
    }

    /// What steps returned: nil for those that have not, or returned nothing; empty for groups
    /// whose results were too large together.
    ///
    /// - Returns: Nil when there is no such workflow (any more).
    package func values(of steps: [String]) -> Call<[[UInt8]?]?> {
        Call(key: flow, command: Command(["HMGET", flow, "root"] + steps.map(Field.answer.of))) {
            let values = ($0.array ?? []).map(\.bytes)
            return values.first == .some(nil) ? nil : Array(values.dropFirst())
        }
    }
}

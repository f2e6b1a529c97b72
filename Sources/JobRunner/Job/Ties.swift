/// What binds a job to others: its workflow, what it takes, and who is told of its end.
package struct Ties: Sendable, Hashable {
    /// The workflow that it is a step of.
    package var flow: FlowPlace?
    /// What it takes beside its arguments, JSON.
    package var input: [UInt8]?
    /// Where its outcome is sent as a job.
    package var reply: ReplyAddress?
    /// The client that waits for its outcome: the last part of its channel.
    package var answer: String?

    package init(
        flow: FlowPlace? = nil, input: [UInt8]? = nil, reply: ReplyAddress? = nil,
        answer: String? = nil
    ) {
        self.flow = flow
        self.input = input
        self.reply = reply
        self.answer = answer
    }

    func write(to bytes: inout [UInt8]) {
        if let flow {
            bytes.append(literal: ",\"flow\":\"")
            bytes.append(contentsOf: flow.description.utf8)
            bytes.append(UInt8(ascii: "\""))
        }
        if let input {
            bytes.append(literal: ",\"input\":")
            bytes.append(contentsOf: input)
        }
        if let reply {
            bytes.append(literal: ",\"reply\":\"")
            bytes.append(contentsOf: reply.description.utf8)
            bytes.append(UInt8(ascii: "\""))
        }
        if let answer {
            bytes.append(literal: ",\"answer\":\"")
            bytes.append(contentsOf: answer.utf8)
            bytes.append(UInt8(ascii: "\""))
        }
    }
}

/// Where the outcome of a job is sent: as a job of a name, on a queue; printed as `queue/job`.
public struct ReplyAddress: Sendable, Hashable, CustomStringConvertible {
    /// 1 to 64 of `A-Z a-z 0-9 . _ -`.
    public let queue: String
    /// The name that a handler is registered for, there.
    public let job: String

    /// - Throws: `NameError`.
    public init(queue: String, job: String) throws(NameError) {
        self.queue = try NameError.check(queue, as: .queue)
        self.job = try NameError.check(job, as: .job)
    }

    /// Parses `queue/job`.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2,
            let address = try? ReplyAddress(queue: String(parts[0]), job: String(parts[1]))
        else { return nil }
        self = address
    }

    /// `queue/job`.
    public var description: String { "\(queue)/\(job)" }
}

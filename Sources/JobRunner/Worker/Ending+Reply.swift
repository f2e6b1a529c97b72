internal import FoundationEssentials

extension Ending {
    /// Fewest bytes that a job may have where a reply is made: one without a value always fits.
    private static let leastBytes = 16_384

    /// The job that tells who asked for a reply; nil when nobody did.
    ///
    /// A value that makes it too large or too deep for a job is left out, and the arguments say so.
    ///
    /// - Throws: What is wrong with it.
    func reply(from queue: String, maxBytes: Int) throws -> Draft? {
        guard let address = ties.reply else { return nil }
        do {
            return try draft(to: address, from: queue, value: value, maxBytes: maxBytes)
        } catch {
            return try draft(
                to: address, from: queue, value: nil, maxBytes: max(maxBytes, Self.leastBytes))
        }
    }

    private func draft(
        to address: ReplyAddress, from queue: String, value: [UInt8]?, maxBytes: Int
    ) throws -> Draft {
        var arguments = Array(#"{"id":"\#(id)","queue":"\#(queue)","job":"\#(job)","state":"#.utf8)
        arguments += "\"\(state.rawValue)\",\"attempt\":\(attempt)".utf8
        if let failure {
            arguments += #","error":"#.utf8
            arguments += try JSONEncoder().encode(failure)
        } else if let value {
            arguments += #","value":"#.utf8
            arguments += value
        } else if self.value != nil {
            arguments += #","omitted":true"#.utf8
        }
        arguments.append(UInt8(ascii: "}"))
        let own = "\(id).reply"
        return try Draft(
            name: address.job, checking: arguments, options: JobOptions(queue: address.queue),
            id: own.utf8.count <= NameError.maxBytes ? own : sha1Hex(Array(own.utf8)),
            maxBytes: maxBytes)
    }
}

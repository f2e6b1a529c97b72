/// A JSON array of objects that somebody wrote by hand, in parts: each value as it stands there.
package enum JSONTable {
    /// A member of one of the objects.
    package struct Member: Sendable {
        package let key: String
        /// The text of a string; nil for any other value.
        package let text: String?
        /// The bytes of the value, with the quotes of a string.
        package let json: [UInt8]

        /// A whole number of digits only; nil for any other value.
        package var number: Int? {
            text == nil ? Int(String(decoding: json, as: UTF8.self)) : nil
        }

        /// `true` or `false`; nil for any other value.
        package var flag: Bool? {
            text == nil ? Bool(String(decoding: json, as: UTF8.self)) : nil
        }
    }

    /// The members of each object, in their order.
    ///
    /// - Throws: `EnvelopeError` for what is not such an array, with the place.
    package static func rows(_ bytes: [UInt8]) throws(EnvelopeError) -> [[Member]] {
        try bytes.withUnsafeBufferPointer { (buffer) throws(EnvelopeError) in
            var scanner = JSONScanner(buffer, maxDepth: 32)
            var all = scanner
            let table = try all.value(depth: 0)
            all.skipWhitespace()
            guard all.at == all.end else { throw .trailingBytes(at: all.at) }
            guard table.kind == .array else { throw .notOfType("the file", expected: "an array") }
            scanner.at = table.range.lowerBound + 1
            var rows: [[Member]] = []
            while let value = try scanner.nextElement(isFirst: rows.isEmpty, depth: 1) {
                guard value.kind == .object else {
                    throw .notOfType("each entry", expected: "an object")
                }
                rows.append(try members(of: value, buffer))
            }
            return rows
        }
    }

    private static func members(
        of object: JSONScanner.Value, _ buffer: UnsafeBufferPointer<UInt8>
    ) throws(EnvelopeError) -> [Member] {
        var scanner = JSONScanner(buffer, in: object.range, maxDepth: 32)
        scanner.at += 1
        var members: [Member] = []
        while let member = try scanner.nextMember(isFirst: members.isEmpty, depth: 2) {
            members.append(
                Member(
                    key: scanner.text(member.key),
                    text: member.value.kind == .string ? scanner.text(member.value) : nil,
                    json: Array(buffer[member.value.range])))
        }
        return members
    }
}

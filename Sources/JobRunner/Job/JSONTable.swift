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

    /// Checks that bytes are one JSON value, and nothing behind it.
    ///
    /// - Throws: `EnvelopeError`, with the place.
    package static func check(_ bytes: [UInt8]) throws(EnvelopeError) {
        try bytes.withUnsafeBufferPointer { (buffer) throws(EnvelopeError) in
            var scanner = JSONScanner(buffer)
            _ = try scanner.value(depth: 0)
            scanner.skipWhitespace()
            guard scanner.at == scanner.end else { throw .trailingBytes(at: scanner.at) }
        }
    }

    /// The members of an object, in their order; nil for any other value.
    package static func members(of json: [UInt8]) -> [Member]? {
        json.withUnsafeBufferPointer { buffer in
            var scanner = JSONScanner(buffer)
            guard let value = try? scanner.value(depth: 0), value.kind == .object else {
                return nil
            }
            return try? members(of: value, buffer)
        }
    }

    /// The values of an array, in their order; nil for any other value.
    package static func elements(of json: [UInt8]) -> [Member]? {
        json.withUnsafeBufferPointer { buffer in
            var scanner = JSONScanner(buffer)
            var all = scanner
            guard let array = try? all.value(depth: 0), array.kind == .array else { return nil }
            scanner.at = array.range.lowerBound + 1
            var elements: [Member] = []
            while let value = try? scanner.nextElement(isFirst: elements.isEmpty, depth: 1) {
                elements.append(
                    Member(
                        key: "", text: value.kind == .string ? scanner.text(value) : nil,
                        json: Array(buffer[value.range])))
            }
            return elements
        }
    }

    private static func members(
        of object: JSONScanner.Value, _ buffer: UnsafeBufferPointer<UInt8>
    ) throws(EnvelopeError) -> [Member] {
        var scanner = JSONScanner(buffer, in: object.range)
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

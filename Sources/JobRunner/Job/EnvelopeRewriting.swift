extension Envelope {
    /// The same job with another delivery state, as its last member.
    ///
    /// Starts with `{"id":"…"`, as scripts need it. Of a canonical envelope every byte but the
    /// state stays as it is; of another producer's, every member but `id` and `state` does, and
    /// the result is canonical. O(bytes).
    ///
    /// - Parameters:
    ///   - state: The new state; the initial one is left out.
    ///   - newID: The id of a job that has none.
    package func rewritten(
        state: DeliveryState, idIfMissing newID: @autoclosure () -> JobID
    ) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + 256)
        if isCanonical {
            result.append(contentsOf: bytes[immutable])
        } else {
            result.append(literal: "{\"id\":\"")
            result.append(contentsOf: (id ?? newID()).description.utf8)
            result.append(UInt8(ascii: "\""))
            appendRank(to: &result)
            forEachMember { member, scanner in
                let isWritten: [StaticString] = ["id", "priority", "fair", "state"]
                if isWritten.contains(where: { scanner.isKey(member.key, $0) }) { return }
                result.append(UInt8(ascii: ","))
                result.append(contentsOf: bytes[member.range])
            }
        }
        if !state.isInitial {
            result.append(literal: ",\"state\":")
            state.write(to: &result)
        }
        result.append(UInt8(ascii: "}"))
        return result
    }

    /// The same job as a new one: under another id, enqueued now, not tried yet.
    ///
    /// It expires as long after that as before. Canonical; every other member stays as it is.
    /// O(bytes).
    package func renewed(as newID: JobID, now: Int64) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + 64)
        result.append(literal: "{\"id\":\"")
        result.append(contentsOf: newID.description.utf8)
        result.append(UInt8(ascii: "\""))
        appendRank(to: &result)
        forEachMember { member, scanner in
            let isWritten: [StaticString] = ["id", "priority", "fair", "state"]
            if isWritten.contains(where: { scanner.isKey(member.key, $0) }) { return }
            result.append(UInt8(ascii: ","))
            if scanner.isKey(member.key, "enqueued") {
                result.append(literal: "\"enqueued\":")
                result.append(decimal: now)
            } else if scanner.isKey(member.key, "expires"), let expires {
                result.append(literal: "\"expires\":")
                result.append(decimal: now + max(1, expires - (enqueued ?? expires)))
            } else {
                result.append(contentsOf: bytes[member.range])
            }
        }
        result.append(UInt8(ascii: "}"))
        return result
    }

    /// Appends what gives it a rank among those that wait: scripts look for it right behind the id.
    func appendRank(to bytes: inout [UInt8]) {
        Self.append(priority: priority, tenant: tenant, to: &bytes)
    }

    static func append(priority: Int, tenant: String?, to bytes: inout [UInt8]) {
        if priority > 0 {
            bytes.append(literal: ",\"priority\":")
            bytes.append(decimal: Int64(priority))
        }
        if let tenant {
            bytes.append(literal: ",\"fair\":\"")
            bytes.append(contentsOf: tenant.utf8)
            bytes.append(UInt8(ascii: "\""))
        }
    }

    /// Where the value of a member stands in `bytes`, of those that the envelope does not know.
    ///
    /// For what other parts keep in an envelope: a signature, a batch. O(bytes). Of several
    /// members with that key, the first.
    package func valueRange(of key: StaticString) -> Range<Int>? {
        var found: Range<Int>?
        forEachMember { member, scanner in
            if found == nil, scanner.isKey(member.key, key) { found = member.value.range }
        }
        return found
    }

    private func forEachMember(_ body: (JSONScanner.Member, JSONScanner) -> Void) {
        bytes.withUnsafeBufferPointer { buffer in
            var scanner = JSONScanner(buffer)
            scanner.skipWhitespace()
            scanner.at += 1
            var isFirst = true
            // The bytes were read without an error before, and with a lesser depth.
            while let member = try? scanner.nextMember(isFirst: isFirst, depth: 1) {
                isFirst = false
                body(member, scanner)
            }
        }
    }
}

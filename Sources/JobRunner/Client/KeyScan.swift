internal import RedisLink

/// Looks for keys by a pattern, a bounded number of them; the server goes on meanwhile.
struct KeyScan {
    /// Keys asked for by one SCAN, and how many of these there are at most.
    static let step = 1000
    static let steps = 1000

    let client: JobClient
    /// A glob; names and prefixes have no character that would need an escape.
    let pattern: String
    /// As TYPE says it.
    let type: String

    /// Each once, in no order; the first of them when the server has over a million keys.
    func all() async throws(RedisError) -> [String] {
        var found: Set<String> = []
        var cursor = "0"
        for _ in 0..<Self.steps {
            let reply = try await client.router.connection(for: client.keys.queues).send(
                Command(
                    "SCAN", cursor, "MATCH", pattern, "COUNT", "\(Self.step)", "TYPE", type)
            ).orThrow()
            guard let page = reply.array, page.count == 2, let next = page[0].text else {
                throw .unexpectedReply(command: "SCAN", got: reply.kind)
            }
            found.formUnion((page[1].array ?? []).compactMap(\.text))
            cursor = next
            if cursor == "0" { break }
        }
        return Array(found)
    }
}

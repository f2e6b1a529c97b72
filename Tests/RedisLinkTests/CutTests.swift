import Testing

@testable import RedisLink

/// No answer reaches another call, wherever a connection breaks.
@Suite("Cut streams")
struct CutTests {
    /// Answers each `GET word` with `word` in a form its first letter chooses.
    private static func answer(_ word: String) -> String {
        switch word.first {
        case "b": "$\(word.utf8.count)\r\n\(word)\r\n"
        case "a": "*2\r\n$\(word.utf8.count)\r\n\(word)\r\n:1\r\n"
        case "e": "-ERR \(word)\r\n"
        default: "+\(word)\r\n"
        }
    }

    private static func word(of answer: Answers.Answer) -> String? {
        switch answer {
        case .success(.bytes(let bytes)): String(decoding: bytes, as: UTF8.self)
        case .success(.array(let elements)): elements.first?.text
        case .success(.error(let error)): String(error.message.dropFirst(4))
        default: nil
        }
    }

    /// One round: eight calls at once on a stream that is cut somewhere.
    private static func round(_ connection: Connection, _ number: Int) async -> Int {
        let words = (0..<8).map { "\(["s", "b", "a", "e"][$0 % 4])\(number)-\($0)" }
        let all = words.map { _ in Answers() }
        for (word, answers) in zip(words, all) {
            connection.submit(
                Command("GET", word), timeout: .seconds(60), completion: answers.completion)
        }
        var answered = 0
        for (word, answers) in zip(words, all) {
            guard let answer = await answers.next(1).first else { continue }
            if let got = self.word(of: answer) {
                #expect(got == word)
                answered += 1
            } else {
                #expect(answer.error?.isOutcomeUnknown == true, "\(answer)")
            }
        }
        return answered
    }

    /// Serves each connection until it has sent `cut` bytes of answers; then ends it.
    private static func serve(_ peer: HostilePeer, cut: Int) {
        guard peer.logIn() else { return }
        var left = cut
        while let words = peer.next() {
            let bytes = Array(answer(words[1]).utf8)
            guard left >= bytes.count else {
                peer.send(Array(bytes.prefix(left)))
                return
            }
            left -= bytes.count
            guard peer.send(bytes) else { return }
        }
    }

    @Test func `at every byte of a stream of answers, once each`() async throws {
        let server = HostileServer { Self.serve($0, cut: $0.number) }
        let connection = try Connection(to: server.endpoint, options: ConnectionOptions())
        var answered = 0
        for number in 0..<600 { answered += await Self.round(connection, number) }
        #expect(answered > 2000)
    }

    @Test func `at ten thousand random bytes`() async throws {
        let server = HostileServer { peer in
            var generator = Seeded(UInt64(peer.number))
            Self.serve(peer, cut: Int.random(in: 0...160, using: &generator))
        }
        let connection = try Connection(to: server.endpoint, options: ConnectionOptions())
        var answered = 0
        for number in 0..<10_000 { answered += await Self.round(connection, number) }
        #expect((10_000..<80_000).contains(answered))
    }

    @Test func `answers that come too late are on a connection nobody reads`() async throws {
        let server = HostileServer { peer in
            guard peer.logIn(), let words = peer.next() else { return }
            let bytes = Array(Self.answer(words[1]).utf8)
            // Every third is whole; the others stop in the middle, and go on when it is too late.
            let cut = peer.number % 3 == 0 ? bytes.count : peer.number % bytes.count
            peer.send(Array(bytes.prefix(cut)))
            peer.awaitEnd()
            peer.send(Array(bytes.dropFirst(cut)) + Array("+late\r\n".utf8))
        }
        let connection = try Connection(to: server.endpoint, options: ConnectionOptions())
        for number in 0..<100 {
            let word = "b\(number)"
            let answers = Answers()
            for word in [word, "s\(number)"] {
                connection.submit(
                    Command("GET", word), timeout: .milliseconds(20), completion: answers.completion
                )
            }
            for (word, answer) in zip([word, "s\(number)"], await answers.next(2)) {
                if let got = Self.word(of: answer) {
                    #expect(got == word)
                } else {
                    #expect(answer.error?.isTransient == true, "\(answer)")
                }
            }
        }
    }
}

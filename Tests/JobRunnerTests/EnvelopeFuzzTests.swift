import Foundation
import JobRunner
import Testing

/// A seeded generator (SplitMix64), so that a failure can be run again.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int(next() % UInt64(elements.count))]
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}

/// Random JSON, spelled in all the ways that producers have.
private struct JSONMaker {
    var random: Seeded

    mutating func space() -> String { random.pick(["", "", "", " ", "\n", "\t ", "\r\n"]) }

    mutating func string() -> String {
        let parts = [
            "a", "userID", "é", "漢字", "👩‍👩‍👧", "\u{202E}", "\u{7F}", #"\n"#, #"\""#, #"\\"#, #"\/"#,
            #"\u00e9"#, #"\uD83D\uDE00"#, #"\u0000"#, "{", "]", ",", "/", "'", #"\u2028"#,
        ]
        return "\"" + (0..<random.below(12)).map { _ in random.pick(parts) }.joined() + "\""
    }

    mutating func number() -> String {
        random.pick([
            "0", "-0", "7", "-12", "9007199254740993", "18446744073709551616", "1e3", "1E-3", "0.5",
            "-1.25e+2", "3.141592653589793", "1234567890123456789012345678901234567890",
        ])
    }

    mutating func value(_ depth: Int) -> String {
        switch random.below(depth > 6 ? 3 : 5) {
        case 0: return string()
        case 1: return number()
        case 2: return random.pick(["true", "false", "null"])
        case 3:
            let parts = (0..<random.below(5)).map { _ in space() + value(depth + 1) + space() }
            return "[" + (parts.isEmpty ? space() : parts.joined(separator: ",")) + "]"
        default:
            let parts = (0..<random.below(5)).map { index in
                let key = #""k\#(index)\#(string().dropFirst())"#
                return space() + key + space() + ":" + space() + value(depth + 1) + space()
            }
            return "{" + (parts.isEmpty ? space() : parts.joined(separator: ",")) + "}"
        }
    }

    /// A job with its members in any order.
    mutating func job() -> (text: String, unknown: [String]) {
        var members = [#""job":"email.welcome""#]
        let unknown = (0..<random.below(4)).map { index in
            #""x\#(index)"\#(space()):\#(value(1))"#
        }
        members += unknown
        if random.below(2) == 0 { members.append(#""args"\#(space()):\#(value(1))"#) }
        if random.below(2) == 0 { members.append(#""id"\#(space()):"j-\#(random.below(99))""#) }
        if random.below(2) == 0 { members.append(#""enqueued":\#(random.below(1 << 50))"#) }
        if random.below(3) == 0 { members.append(#""state":{"attempt":2,"errors":[]}"#) }
        members.shuffle(using: &random)
        let inner = members.map { space() + $0 + space() }.joined(separator: ",")
        return (space() + "{" + inner + "}" + space(), unknown)
    }

    /// One to three bytes changed, added, taken out, or the end cut off.
    mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        let favourites = Array(#"{}[]",:\u019eE+-. tfn"#.utf8) + [0, 0x1F, 0x80, 0xC3, 0xED, 0xFF]
        for _ in 0...random.below(3) where !bytes.isEmpty {
            let index = random.below(bytes.count)
            switch random.below(5) {
            case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes[index] = random.pick(favourites)
            case 2: bytes.insert(random.pick(favourites), at: index)
            case 3: bytes.remove(at: index)
            default: bytes.removeSubrange((bytes.count - random.below(min(bytes.count, 9)))...)
            }
        }
        return bytes
    }
}

@Suite("Envelope, random")
struct EnvelopeFuzzTests {
    /// Fixed, so that a failure is the same tomorrow.
    static let seeds: [UInt64] = [1, 2, 3, 4]

    @Test(arguments: seeds)
    func `a random job is read, and keeps its bytes through two rewrites`(seed: UInt64) throws {
        var maker = JSONMaker(random: Seeded(state: seed))
        let id = try JobID("assigned")
        for round in 0..<500 {
            let (text, unknown) = maker.job()
            let envelope = try Envelope(Array(text.utf8))
            let note = Comment(rawValue: "round \(round): \(text)")
            try #require(Self.foundationAccepts(envelope.bytes), note)

            let state = DeliveryState(attempt: round)
            let once = envelope.rewritten(state: state, idIfMissing: id)
            let again = try Envelope(once)
            #expect(again.isCanonical, note)
            #expect(again.id == envelope.id ?? id, note)
            #expect(again.state == state, note)
            #expect(again.enqueued == envelope.enqueued, note)
            #expect(again.argumentsData == envelope.argumentsData, note)
            let rewritten = String(decoding: once, as: UTF8.self)
            #expect(rewritten.hasPrefix("{\"id\":\"\(again.id?.description ?? "")\""), note)
            for member in unknown { #expect(rewritten.contains(member), note) }

            let twice = again.rewritten(state: state, idIfMissing: id)
            #expect(twice == once, note)
            let later = try Envelope(
                again.rewritten(state: DeliveryState(attempt: round + 1), idIfMissing: id))
            #expect(later.bytes[later.immutable] == again.bytes[again.immutable], note)
            #expect(try Self.object(later.bytes) == Self.object(envelope.bytes), note)
        }
    }

    /// Foundation's reader is the judge, but for differences that are meant.
    ///
    /// Foundation says yes, the scanner no: lone surrogates (RFC 8259 calls them unpredictable),
    /// known keys twice, depth over 32, a comma before a closing bracket, and JSON that is no job.
    /// The scanner says yes, Foundation no: numbers that fit no `Double`; the grammar has them.
    @Test(arguments: seeds)
    func `of mutated jobs, what is accepted is JSON, and what is JSON is accepted`(
        seed: UInt64
    ) throws {
        var maker = JSONMaker(random: Seeded(state: seed &+ 100))
        var accepted = 0
        for round in 0..<12_500 {
            let bytes = maker.mutated(Array(maker.job().text.utf8))
            let note = Comment(
                rawValue: "round \(round): \(String(decoding: bytes, as: UTF8.self))")
            let isJSON = Self.foundationAccepts(bytes)
            do throws(EnvelopeError) {
                let envelope = try Envelope(bytes)
                accepted += 1
                #expect(isJSON, note)
                #expect(Self.foundationAccepts(Array(envelope.argumentsData)), note)
            } catch {
                #expect(!error.description.contains("\n"))
                if isJSON { #expect(Self.isMeant(error, bytes), note) }
            }
        }
        #expect(accepted > 500)
    }

    @Test(arguments: seeds)
    func `random bytes never trap`(seed: UInt64) {
        var random = Seeded(state: seed)
        let letters = Array(#"{{{"id":"job","args",state:[]}}\u00ed0e+-1.tfn "#.utf8) + [0xED, 0]
        for _ in 0..<5_000 {
            let bytes = (0..<random.below(60)).map { _ in random.pick(letters) }
            _ = try? Envelope(bytes)
            _ = try? Envelope(Array(#"{"job":"j","state":{"attempt":"#.utf8) + bytes)
            _ = try? EnvelopeWriter.checkArguments(bytes)
            _ = Envelope.idAtStart(of: bytes)
        }
    }

    static func foundationAccepts(_ bytes: [UInt8]) -> Bool {
        do {
            _ = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            return true
        } catch {
            return "\(error)".contains("is not representable")
        }
    }

    /// The members that a rewrite must not change, as Foundation reads them.
    static func object(_ bytes: [UInt8]) throws -> NSDictionary {
        let object = try JSONSerialization.jsonObject(with: Data(bytes))
        var members = object as? [String: Any] ?? [:]
        members["id"] = nil
        members["state"] = nil
        return members as NSDictionary
    }

    /// Whether the scanner says no for a reason that JSON itself does not have.
    static func isMeant(_ error: EnvelopeError, _ bytes: [UInt8]) -> Bool {
        switch error {
        case .notAnObject, .byteOrderMark, .tooLarge, .tooDeep, .tooManyMembers, .duplicateKey,
            .noJobName, .notText, .notOfType, .outOfRange, .badName, .loneSurrogate:
            true
        case .unexpected(let at, let byte, _) where "]}".utf8.contains(byte):
            bytes[..<at].last { !" \t\r\n".utf8.contains($0) } == UInt8(ascii: ",")
        default: false
        }
    }
}

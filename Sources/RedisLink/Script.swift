internal import COpenSSL

/// A Lua script: its name, its text and the digest that calls it.
public struct Script: Sendable, Hashable {
    /// File name without `.lua`.
    public let name: String
    /// The text, as bytes.
    public let source: [UInt8]
    /// SHA-1 of the text in hex: what EVALSHA takes.
    public let digest: String

    /// Takes the text and works out its digest.
    public init(name: String, source: [UInt8]) {
        self.name = name
        self.source = source
        self.digest = sha1Hex(source)
    }
}

/// SHA-1 in hex: names scripts, and jobs without an id.
package func sha1Hex(_ bytes: [UInt8]) -> String {
    var digest = [UInt8](repeating: 0, count: Int(SHA_DIGEST_LENGTH))
    _ = SHA1(bytes, bytes.count, &digest)
    let digits = Array("0123456789abcdef".utf8)
    return String(
        decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

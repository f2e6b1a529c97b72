/// An executable file that runs the jobs it is named after.
package struct Program: Sendable, Hashable {
    /// The job's name; also the file's, extension included.
    package let name: String

    /// The file, as given to `exec`; relative to the working directory unless
    /// the directory was given as an absolute path.
    package let path: String

    /// Kept running and fed a line per job, instead of started once per job.
    package let isPersistent: Bool

    package init(name: String, path: String, isPersistent: Bool) {
        self.name = name
        self.path = path
        self.isPersistent = isPersistent
    }

    /// The rule for names: 1–64 of `A-Z a-z 0-9 . _ -`, not starting with a dot.
    ///
    /// A subset of what file systems, environment variables and Redis keys all
    /// carry unchanged, so that a name needs no quoting anywhere.
    package static func isName(_ name: some StringProtocol) -> Bool {
        (1...64).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: ".")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// How many bytes of a file are searched for the declaration.
    static let declarationWindow = 512

    /// Whether the beginning of a file declares the program persistent.
    ///
    /// It does when one line, without the signs of a comment around it (`#`,
    /// `//`, `--`, `;`, `/* … */`, `<!-- … -->`), reads `jobrunner: persistent`.
    /// A sentence that only mentions the words does not.
    static func declaresPersistence(_ head: some Sequence<UInt8>) -> Bool {
        let isWord: (UInt8) -> Bool = { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte >= 0x80
        }
        return head.split(separator: UInt8(ascii: "\n")).contains { line in
            let text = line.drop { !isWord($0) }
            let bare = text.prefix(
                text.lastIndex(where: isWord).map { $0 - text.startIndex + 1 } ?? 0)
            return bare.elementsEqual("jobrunner: persistent".utf8)
        }
    }
}

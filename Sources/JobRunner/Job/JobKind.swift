/// A job's name and the version of its arguments: what a worker knows, or does not.
package struct JobKind: Sendable, Hashable, CustomStringConvertible {
    package let name: String
    package let version: Int

    package init(_ name: String, version: Int) {
        self.name = name
        self.version = version
    }

    /// Reads `<name>@<version>`; nil for anything else.
    package init?(_ text: String) {
        guard let at = text.lastIndex(of: "@"), let version = Int(text[text.index(after: at)...]),
            version > 0, (try? NameError.check(String(text[..<at]), as: .job)) != nil
        else { return nil }
        self.init(String(text[..<at]), version: version)
    }

    /// `<name>@<version>`.
    package var description: String { "\(name)@\(version)" }
}

extension Envelope {
    package var kind: JobKind { JobKind(job, version: version) }
}

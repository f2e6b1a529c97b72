/// A kind of jobs that is paused in a queue, as `pause.lua` notes it; foreign text.
struct KindPause: Sendable, Equatable {
    let name: String
    /// Server ms; nil where an older version of this library paused it.
    var since: Int?
    /// Empty when nothing was said.
    var why = ""

    /// - Parameters:
    ///   - muted: Names, a space between two.
    ///   - whys: `<name> <since, ms> <why>`, a line for each that is known.
    /// - Returns: By name.
    static func all(muted: String?, whys: String?) -> [KindPause] {
        var told: [String: KindPause] = [:]
        for line in (whys ?? "").split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let name = String(parts[0])
            told[name] = KindPause(name: name, since: Int(parts[1]), why: String(parts[2]))
        }
        return (muted ?? "").split(separator: " ").map(String.init).sorted().map {
            told[$0] ?? KindPause(name: $0)
        }
    }
}

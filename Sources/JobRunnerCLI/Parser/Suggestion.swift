/// Finds what somebody who mistyped a word probably meant.
enum Suggestion {
    /// The nearest candidate, or nil when none is near enough to be helpful.
    ///
    /// - Source: at most 3 edits as in Swift ArgumentParser, and at most a third of the word, so
    ///   that short words do not suggest just anything.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        // Longer than any command; also bounds the work on a hostile argument.
        guard (1...64).contains(word.unicodeScalars.count) else { return nil }
        let limit = min(3, max(1, word.count / 3))
        let scored = candidates.map { (distance(word, $0), $0) }
        if let best = scored.min(by: { $0.0 < $1.0 }), best.0 <= limit { return best.1 }
        let longer = candidates.filter { word.count >= 3 && $0.hasPrefix(word) }
        return longer.count == 1 ? longer[0] : nil
    }

    /// Insertions, deletions, replacements and swaps of neighbours from one word to the other.
    static func distance(_ first: String, _ second: String) -> Int {
        let (a, b) = (Array(first), Array(second))
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                let replaced = last[j] + (a[i] == b[j] ? 0 : 1)
                var best = min(replaced, last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    best = min(best, beforeLast[j - 1] + 1)
                }
                row.append(best)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }
}

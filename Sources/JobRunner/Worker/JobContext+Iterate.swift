extension JobContext {
    /// A loop over many items that goes on where an earlier run of the job was.
    ///
    ///     try await context.iterate("users", from: { last in
    ///         database.users(after: last ?? 0)
    ///     }, cursor: { $0.id }) { user in
    ///         try await welcome(user)
    ///     }
    ///
    /// How far it is, the cursor of the last item that was done, is noted every so many items or
    /// once a second, whichever comes first, and when the loop ends for whatever reason. A worker
    /// that is asked to stop interrupts the loop between two items; the job goes on elsewhere
    /// behind the last one, its attempt unspent. A run that is lost, as when its machine dies,
    /// repeats what was done since the last note: at most `every` items, or a second of them and
    /// one more.
    ///
    /// The notes are bounded, kept and removed as those of `step`.
    ///
    /// - Parameters:
    ///   - name: Names it within the job: 1 to 64 of `A-Z a-z 0-9 . _ -`; each loop another.
    ///   - every: 1 to 1,000,000 items.
    ///   - items: Makes the items behind a cursor; nil is from the start.
    ///   - cursor: Of an item: what `items` is given to go on behind it.
    /// - Throws: What the closures throw, `NameError`, `StepError`, `JobRunnerError.redis` when how
    ///   far it is cannot be read or noted; `CancellationError` when the run is to end: pass it on.
    public func iterate<Items: AsyncSequence, Cursor: Codable & Sendable>(
        _ name: String = "items", every: Int = 100,
        from items: (Cursor?) async throws -> Items,
        cursor: (Items.Element) throws -> Cursor,
        body: (Items.Element) async throws -> Void
    ) async throws {
        let field = try StepField.loop(name)
        let kept = try await kept(field, as: Cursor.self)
        var iterator = try await items(kept).makeAsyncIterator()
        try await loop(
            field, every, next: { try await iterator.next(isolation: #isolation) }, cursor, body)
    }

    /// The same over items that are made at once, such as a page of ids.
    public func iterate<Items: Sequence, Cursor: Codable & Sendable>(
        _ name: String = "items", every: Int = 100,
        from items: (Cursor?) async throws -> Items,
        cursor: (Items.Element) throws -> Cursor,
        body: (Items.Element) async throws -> Void
    ) async throws {
        let field = try StepField.loop(name)
        let kept = try await kept(field, as: Cursor.self)
        var iterator = try await items(kept).makeIterator()
        try await loop(field, every, next: { iterator.next() }, cursor, body)
    }

    /// The same over items in the ascending order of their cursor: those up to the last one that
    /// was done are passed over.
    ///
    /// - Throws: `StepError.notAscending` when an item's cursor is not above the one before.
    public func iterate<Items: Sequence, Cursor: Codable & Sendable & Comparable>(
        _ name: String = "items", every: Int = 100, over items: Items,
        cursor: (Items.Element) throws -> Cursor,
        body: (Items.Element) async throws -> Void
    ) async throws {
        let field = try StepField.loop(name)
        var order = AscendingItems(field, last: try await kept(field, as: Cursor.self))
        var iterator = items.makeIterator()
        try await loop(
            field, every,
            next: {
                while let item = iterator.next() {
                    if try order.isNew(cursor(item)) { return item }
                }
                return nil
            }, cursor, body)
    }

    /// The same over items that come one by one, as the lines of a file.
    ///
    /// - Throws: `StepError.notAscending` when an item's cursor is not above the one before.
    public func iterate<Items: AsyncSequence, Cursor: Codable & Sendable & Comparable>(
        _ name: String = "items", every: Int = 100, over items: Items,
        cursor: (Items.Element) throws -> Cursor,
        body: (Items.Element) async throws -> Void
    ) async throws {
        let field = try StepField.loop(name)
        var order = AscendingItems(field, last: try await kept(field, as: Cursor.self))
        var iterator = items.makeAsyncIterator()
        try await loop(
            field, every,
            next: {
                while let item = try await iterator.next(isolation: #isolation) {
                    if try order.isNew(cursor(item)) { return item }
                }
                return nil
            }, cursor, body)
    }

    private func kept<Cursor: Decodable>(_ field: StepField, as type: Cursor.Type) async throws
        -> Cursor?
    {
        guard let kept = try await engine.noted(field, of: self) else { return nil }
        return try field.value(type, of: kept)
    }

    private func loop<Element, Cursor: Encodable>(
        _ field: StepField, _ every: Int, next: () async throws -> Element?,
        _ cursor: (Element) throws -> Cursor, _ body: (Element) async throws -> Void
    ) async throws {
        guard (1...1_000_000).contains(every) else {
            throw JobRunnerError.invalid("a loop notes its cursor every 1 to 1,000,000 items")
        }
        var pace = CursorPace(most: every, now: monotonicNanoseconds())
        var last: Cursor?
        do {
            while true {
                try engine.begin(self, yields: true)
                guard let item = try await next() else { break }
                try await body(item)
                let done = try cursor(item)
                last = done
                guard pace.passed(now: monotonicNanoseconds()) else { continue }
                try await engine.note(field, field.json(of: done), of: self)
                pace.noted(now: monotonicNanoseconds())
            }
        } catch {
            // What was done is not done again; the first error is what ended the loop.
            if pace.items > 0, let last, let json = try? field.json(of: last) {
                try? await engine.note(field, json, of: self)
            }
            throw error
        }
        guard pace.items > 0, let last else { return }
        try await engine.note(field, field.json(of: last), of: self)
    }
}

/// Passes over the items of a loop that an earlier run has done.
struct AscendingItems<Cursor: Comparable> {
    private let field: StepField
    /// The last one that was done before.
    private let start: Cursor?
    private var last: Cursor?

    init(_ field: StepField, last: Cursor?) {
        self.field = field
        start = last
    }

    /// - Throws: `StepError.notAscending`.
    mutating func isNew(_ cursor: Cursor) throws(StepError) -> Bool {
        if let last, cursor <= last { throw .notAscending(field.label) }
        last = cursor
        return start.map { cursor > $0 } ?? true
    }
}

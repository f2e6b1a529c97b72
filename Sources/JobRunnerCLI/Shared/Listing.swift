/// Things of one kind as the commands that list them print them, in the form that was asked for.
struct Listing<Item> {
    /// The member of the object of `-o json` that has them.
    let member: String
    /// What people read when there are none.
    let none: String
    let columns: [TextTable.Column]
    let name: (Item) -> String
    let row: (Item) -> [TextTable.Cell]
    /// JSON; with a version when it is a line of its own.
    private let json: (Item, _ isLine: Bool) -> String

    /// - Parameter set: Gives an object its members.
    init(
        _ member: String, none: String, columns: [TextTable.Column],
        name: @escaping (Item) -> String, row: @escaping (Item) -> [TextTable.Cell],
        set: @escaping (Item, inout JSONObject) -> Void
    ) {
        self.init(member, none: none, columns: columns, name: name, row: row) { item, isLine in
            var object = isLine ? JSONObject.versioned : JSONObject()
            set(item, &object)
            return object.text
        }
    }

    init(
        _ member: String, none: String, columns: [TextTable.Column],
        name: @escaping (Item) -> String, row: @escaping (Item) -> [TextTable.Cell],
        json: @escaping (Item, _ isLine: Bool) -> String
    ) {
        self.member = member
        self.none = none
        self.columns = columns
        self.name = name
        self.row = row
        self.json = json
    }

    /// - Parameter more: Gives the object of `-o json` what it has beside them.
    func show(
        _ items: [Item], _ invocation: Invocation, more: (inout JSONObject) -> Void = { _ in }
    ) {
        let console = invocation.console
        let format = invocation[OutputFormat.option]
        switch format {
        case .name: for item in items { console.print(name(item)) }
        case .jsonl: for item in items { console.print(json(item, true)) }
        case .json:
            let texts = items.map { json($0, false) }
            var object = JSONObject.versioned
            object.set(member, raw: "[" + texts.joined(separator: ",") + "]")
            more(&object)
            console.print(object.text)
        case .table where items.isEmpty, .wide where items.isEmpty: console.print(none)
        case .table, .wide:
            invocation.printTable(columns, items.map(row), isWide: format == .wide)
        }
    }
}

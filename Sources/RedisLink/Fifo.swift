/// A queue in one array: O(1) at both ends, no allocation while it breathes.
package struct Fifo<Element> {
    private var slots: [Element?] = []
    private var head = 0

    /// Nothing in it yet.
    package init() {}

    /// How many wait.
    package var count: Int { slots.count - head }
    /// True when none waits.
    package var isEmpty: Bool { head == slots.count }
    /// The one that waits longest.
    package var first: Element? { isEmpty ? nil : slots[head] }

    /// Adds one at the end.
    package mutating func append(_ element: Element) {
        slots.append(element)
    }

    /// Takes the one that waits longest.
    package mutating func popFirst() -> Element? {
        guard head < slots.count else { return nil }
        let element = slots[head]
        slots[head] = nil
        head += 1
        if head == slots.count {
            slots.removeAll(keepingCapacity: head <= 4096)
            head = 0
        } else if head >= 4096, head * 2 >= slots.count {
            slots.removeFirst(head)
            head = 0
        }
        return element
    }

    /// Takes all, oldest first.
    package mutating func removeAll() -> [Element] {
        defer {
            slots = []
            head = 0
        }
        return slots[head...].compactMap { $0 }
    }
}

extension Fifo: Sendable where Element: Sendable {}

extension Fifo {
    /// All of them, oldest first.
    package var all: [Element] { slots[head...].compactMap { $0 } }
}

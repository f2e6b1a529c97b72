import JobRunnerCLI

@main
struct Tool {
    static func main() async {
        await JobRunnerTool.main()
    }
}

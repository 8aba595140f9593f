import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import software.amazon.event.ruler.Machine;

/** Matches files of events against rules; answers each file's name with its nanoseconds of the processor, and its matches. */
public class Turns {
    public static void main(String[] given) throws Exception {
        Machine machine = new Machine();
        for (String line : Files.readAllLines(Path.of(given[0]))) {
            int end = line.indexOf('\t');
            machine.addRule(line.substring(0, end), line.substring(end + 1));
        }
        List<String> known = Files.readAllLines(Path.of(given[1]));
        int found = 0;
        long until = System.nanoTime() + Long.parseLong(given[3]) * 1_000_000_000L;
        for (int pass = 0; pass < Integer.parseInt(given[2]) && (pass == 0 || System.nanoTime() < until); pass++) {
            found += matched(machine, known);
        }
        System.out.println(found);
        BufferedReader names = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String name = names.readLine(); name != null; name = names.readLine()) {
            List<String> events = Files.readAllLines(Path.of(name));
            long began = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
            int matches = matched(machine, events);
            System.out.println((ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - began) + " " + matches);
        }
    }

    private static int matched(Machine machine, List<String> events) throws Exception {
        int matches = 0;
        for (String event : events) {
            matches += machine.rulesForJSONEvent(event).size();
        }
        return matches;
    }
}

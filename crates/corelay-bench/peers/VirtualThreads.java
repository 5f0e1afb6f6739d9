import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;

/**
 * Peer: the JDK's own HTTP server with a virtual thread for each request. Java 22 or later.
 *
 * <p>The runtime takes the number of processors from the affinity mask, so that taskset leaves one carrier thread.
 *
 * <p>Thread.sleep does not block a thread of the system: the virtual thread leaves its carrier. A call into a C library
 * that blocks keeps the carrier, and /block is that: usleep(3).
 *
 * <p>What is newer than Java 17 is reached by reflection, so that an older compiler than the runtime will do.
 */
public final class VirtualThreads {
    private interface Action {
        void run(int number) throws Throwable;
    }

    /** Where spin's result goes, so that the compiler must compute it. */
    private static volatile long sink;

    private static long stepsPerMicrosecond;

    public static void main(String[] words) throws Exception {
        // Its defaults keep 200 idle connections, fewer than the load has, and delay small segments.
        System.setProperty("sun.net.httpserver.maxIdleConnections", "16384");
        System.setProperty("sun.net.httpserver.nodelay", "true");
        stepsPerMicrosecond = measureSteps();
        MethodHandle usleep = usleep();
        Executor executor = (Executor) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        for (int at = 0; at + 1 < words.length; at += 2) {
            if (!words[at].equals("--listen")) {
                throw new IllegalArgumentException("unknown option " + words[at] + "; known: --listen ADDR");
            }
            HttpServer server = HttpServer.create(address(words[at + 1]), 1024);
            server.setExecutor(executor);
            answer(server, "/plaintext", "Hello, World!", number -> {});
            answer(server, "/sleep/", "slept\n", Thread::sleep);
            answer(server, "/block/", "blocked\n", number -> { int unused = (int) usleep.invokeExact(number * 1000); });
            answer(server, "/spin/", "spun\n", number -> spin(number * stepsPerMicrosecond));
            server.start();
        }
    }

    private static InetSocketAddress address(String text) {
        int colon = text.lastIndexOf(':');
        return new InetSocketAddress(text.substring(0, colon), Integer.parseInt(text.substring(colon + 1)));
    }

    /** Answers paths that begin so; what is left of the path is the number the action takes, 0 if nothing is left. */
    private static void answer(HttpServer server, String prefix, String body, Action action) {
        byte[] bytes = body.getBytes(StandardCharsets.US_ASCII);
        server.createContext(prefix, exchange -> {
            String rest = exchange.getRequestURI().getPath().substring(prefix.length());
            try {
                action.run(rest.isEmpty() ? 0 : Integer.parseInt(rest));
            } catch (Throwable failure) {
                throw new IOException(failure);
            }
            exchange.getResponseHeaders().set("Content-Type", "text/plain");
            exchange.sendResponseHeaders(200, bytes.length);
            exchange.getResponseBody().write(bytes);
            exchange.close();
        });
    }

    /** C's usleep, through java.lang.foreign: Linker.nativeLinker().downcallHandle(usleep, int of int). */
    private static MethodHandle usleep() throws Exception {
        String foreign = "java.lang.foreign.";
        Class<?> linkerType = Class.forName(foreign + "Linker");
        Class<?> optionType = Class.forName(foreign + "Linker$Option");
        Class<?> layoutType = Class.forName(foreign + "MemoryLayout");
        Class<?> lookupType = Class.forName(foreign + "SymbolLookup");
        Class<?> segmentType = Class.forName(foreign + "MemorySegment");
        Class<?> descriptorType = Class.forName(foreign + "FunctionDescriptor");
        Object linker = linkerType.getMethod("nativeLinker").invoke(null);
        Object lookup = linkerType.getMethod("defaultLookup").invoke(linker);
        Optional<?> symbol = (Optional<?>) lookupType.getMethod("find", String.class).invoke(lookup, "usleep");
        Object cInt = Class.forName(foreign + "ValueLayout").getField("JAVA_INT").get(null);
        Object layouts = java.lang.reflect.Array.newInstance(layoutType, 1);
        java.lang.reflect.Array.set(layouts, 0, cInt);
        Object descriptor = descriptorType.getMethod("of", layoutType, layouts.getClass()).invoke(null, cInt, layouts);
        Object options = java.lang.reflect.Array.newInstance(optionType, 0);
        return (MethodHandle) linkerType
                .getMethod("downcallHandle", segmentType, descriptorType, options.getClass())
                .invoke(linker, symbol.orElseThrow(), descriptor, options);
    }

    /**
     * Work that takes the same time wherever it is compiled: each step waits for the one before it. Not the thread's CPU
     * clock: a virtual thread has none.
     */
    private static void spin(long steps) {
        long value = steps;
        for (; steps > 0; steps--) {
            value = value * 6364136223846793005L + 1442695040888963407L;
        }
        sink = value;
    }

    /** The fastest of a hundred rounds: in the first the code is not compiled yet, in others something else had the processor. */
    private static long measureSteps() {
        final long steps = 200_000;
        long fastest = Long.MAX_VALUE;
        for (int round = 0; round < 100; round++) {
            long start = System.nanoTime();
            spin(steps);
            fastest = Math.min(fastest, System.nanoTime() - start);
        }
        return steps * 1000 / fastest;
    }
}

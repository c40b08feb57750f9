import java.net.Socket;
import java.nio.charset.StandardCharsets;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/** Asks 127.0.0.1 at a port for / by HTTPS, under a host's name, with the JVM's own trust, and prints the answer. */
final class Handshake {
    public static void main(String[] args) {
        try {
            ask(args[0], Integer.parseInt(args[1]));
        } catch (Exception e) {
            System.err.println(e); // a line says it; nobody wants the trace
            System.exit(1);
        }
    }

    private static void ask(String host, int port) throws Exception {
        try (Socket tcp = new Socket("127.0.0.1", port)) {
            tcp.setSoTimeout(5000);
            SSLSocketFactory factory = (SSLSocketFactory) SSLSocketFactory.getDefault();
            SSLSocket tls = (SSLSocket) factory.createSocket(tcp, host, port, true);
            SSLParameters parameters = tls.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            tls.setSSLParameters(parameters);
            String request = "GET / HTTP/1.0\r\nHost: " + host + "\r\n\r\n";
            tls.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            byte[] buffer = new byte[1024];
            for (int n; (n = tls.getInputStream().read(buffer)) > 0; ) {
                System.out.write(buffer, 0, n);
            }
            System.out.flush();
        }
    }
}

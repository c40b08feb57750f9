import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLConnection;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** Fetches URLs with both clients of the JDK and prints a line for each: the URL, a tab, and the answer or what was wrong. */
class Fetch {
  public static void main(String[] urls) throws InterruptedException {
    HttpClient client = HttpClient.newHttpClient();
    for (String url : urls) {
      String said;
      try {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(20)).build();
        said = client.send(request, BodyHandlers.ofString()).body() + open(url);
      } catch (IOException error) {
        said = causes(error);
      }
      System.out.println(url + "\t" + said.replaceAll("\\s+", " "));
    }
  }

  /** Unlike HttpClient this one sends no server name that has no dot. */
  private static String open(String url) throws IOException {
    URLConnection connection = URI.create(url).toURL().openConnection();
    connection.setReadTimeout(20_000);
    try (InputStream body = connection.getInputStream()) {
      return new String(body.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static String causes(Throwable error) {
    return error == null ? "" : error + " " + causes(error.getCause());
  }
}

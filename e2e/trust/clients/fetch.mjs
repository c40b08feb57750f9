// Fetches URLs and prints a line for each: the URL, a tab, and the answer or what was wrong.
for (const url of process.argv.slice(2)) {
  let said;
  try {
    said = await (await fetch(url)).text();
  } catch (error) {
    said = `${error.cause?.code} ${error.cause?.message ?? error}`;
  }
  console.log(`${url}\t${said.replace(/\s+/g, " ")}`);
}

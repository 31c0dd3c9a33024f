/** The one page: a form, the entries, and which pod served them. Entries are put in as text, never as HTML. */
export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Guestbook</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
  h1 { font-weight: 600; letter-spacing: -0.02em; }
  form { display: flex; gap: 0.5rem; }
  input { flex: 1; }
  input, button { font: inherit; padding: 0.5rem 0.8rem; border: 1px solid #8886; border-radius: 0.5rem; }
  button { background: #326ce5; color: white; border-color: #326ce5; cursor: pointer; }
  ul { list-style: none; padding: 0; }
  li { padding: 0.6rem 0; border-bottom: 1px solid #8884; overflow-wrap: anywhere; }
  footer, .empty { color: #888; font-size: 0.9rem; }
  #problem { color: #c0392b; min-height: 1.5em; }
</style>
</head>
<body>
<h1>Guestbook</h1>
<form id="form">
  <input id="entry" name="entry" placeholder="Leave a note" aria-label="Your note" autocomplete="off" autofocus required maxlength="500">
  <button>Sign</button>
</form>
<p id="problem" role="alert"></p>
<ul id="entries"></ul>
<footer>Served by <span id="pod">&hellip;</span> &middot; <a href="env">/env</a> &middot; <a href="info">/info</a></footer>
<script type="module">
  const list = document.getElementById("entries");
  const problem = document.getElementById("problem");
  const entry = document.getElementById("entry");
  const ask = async (path) => {
    const answer = await fetch(path);
    if (!answer.ok) throw new Error(await answer.text());
    document.getElementById("pod").textContent = answer.headers.get("x-served-by") ?? "an unnamed pod";
    return answer.json();
  };
  const show = (entries) => {
    const rows = entries.toReversed().map((text) => Object.assign(document.createElement("li"), { textContent: text }));
    const empty = Object.assign(document.createElement("li"), { className: "empty", textContent: "Nobody signed yet." });
    list.replaceChildren(...(rows.length > 0 ? rows : [empty]));
    problem.textContent = "";
  };
  const guarded = (task) => task.then(show, (error) => { problem.textContent = error.message; });
  document.getElementById("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = entry.value.trim();
    entry.value = "";
    if (text) guarded(ask("rpush/guestbook/" + encodeURIComponent(text)));
  });
  const refresh = () => guarded(ask("lrange/guestbook"));
  refresh();
  setInterval(refresh, 2000);
</script>
</body>
</html>
`;

// The page, without a word of the network.

/** The page with this title. */
export function page(title) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
textarea { width: 100%; box-sizing: border-box; font: inherit; }
dt { font-weight: 600; }
dd { margin: 0 0 .5rem; }
.error { color: #a00; }
</style>
</head>
<body>
<h1>${escaped(title)}</h1>
<form id="form">
<textarea name="text" rows="4" required maxlength="1000">The quick brown fox jumps over the lazy dog</textarea>
<p><button>Analyse</button></p>
</form>
<dl id="result"></dl>
<script>
const names = {
  words: 'Words', longest: 'Longest word', checksum: 'Checksum', seen: 'Seen before, this time included', answered_by: 'Answered by', error: 'Error',
};
form.addEventListener('submit', async event => {
  event.preventDefault();
  const answer = await fetch('/analyse?' + new URLSearchParams(new FormData(form)));
  const fields = await answer.json();
  result.replaceChildren(...Object.keys(names).filter(name => name in fields).flatMap(name => {
    const [term, value] = ['dt', 'dd'].map(tag => document.createElement(tag));
    term.textContent = names[name];
    value.textContent = name === 'answered_by' ? Object.values(fields[name]).join(', ') : fields[name];
    value.className = name;
    return [term, value];
  }));
});
</script>
</body>
</html>
`;
}

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** A text as it stands in HTML. */
export const escaped = text => text.replace(/[&<>"]/g, character => ENTITIES[character]);

// A handler as for any server that has fetch events. It knows nothing of roles.

addEventListener('fetch', event => event.respondWith(answer(event.request)));

async function answer(request) {
  const url = new URL(request.url);
  switch (url.pathname) {
    case '/':
      return page(url.searchParams.get('name') ?? 'you');
    case '/dice':
      return Response.json({ dice: 1 + Math.floor(Math.random() * 6), rolled: new Date().toISOString() });
    case '/shout': {
      const text = await request.text();
      return new Response(text.toUpperCase(), { headers: { 'content-type': 'text/plain; charset=utf-8' } });
    }
    default:
      return new Response('There is no such page.\n', { status: 404 });
  }
}

function page(name) {
  const html = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>JavaScript</title></head>
<body>
<h1>Hello from JavaScript</h1>
<p id="greeting">Good day, ${escaped(name)}.</p>
</body>
</html>
`;
  return new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8' } });
}

function escaped(text) {
  const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, character => entities[character]);
}

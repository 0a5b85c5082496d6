(() => {
  const root = document.documentElement, box = document.querySelector('#filter input'), count = document.querySelector('#shown');
  const items = [...document.querySelectorAll('[data-words]')];
  root.classList.add('js');
  const apply = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of items) {
      const text = item.dataset.words.toLowerCase();
      const fits = words.every(word => word.startsWith('-') && word.length > 1 ? !text.includes(word.slice(1)) : text.includes(word));
      item.classList.toggle('hidden', !fits);
      shown += fits;
    }
    count.textContent = words.length ? shown + ' of ' + items.length + ' shown' : '';
  };
  const fragment = () => {
    try { return decodeURIComponent(location.hash.slice(1)); } catch { return location.hash.slice(1); }
  };
  const open = () => {
    const name = fragment();
    if (name.startsWith('q=')) { if (box) { box.value = name.slice(2); apply(); } return; }
    let at = name && document.getElementById(name);
    const target = at;
    while (at) { if (at.tagName === 'DETAILS') at.open = true; at.classList.remove('hidden'); at = at.parentElement; }
    if (target) target.scrollIntoView();
  };
  if (box) box.addEventListener('input', () => {
    apply();
    history.replaceState(null, '', box.value ? '#q=' + encodeURIComponent(box.value) : location.pathname + location.search);
  });
  addEventListener('hashchange', open);
  addEventListener('beforeprint', () => document.querySelectorAll('details:not(.raw)').forEach(part => { part.open = true; }));
  addEventListener('keydown', event => {
    if (box && event.target === box) { if (event.key === 'Escape') box.blur(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '/' && box) { event.preventDefault(); box.focus(); return; }
    const step = { j: 1, k: -1 }[event.key];
    if (!step) return;
    const heads = [...document.querySelectorAll('main > section > details:not(.hidden) > summary')];
    const next = heads[Math.max(0, Math.min(heads.length - 1, heads.indexOf(document.activeElement) + step))];
    if (next) next.focus();
  });
  open();
})();

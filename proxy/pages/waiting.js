(() => {
  const show = id => document.getElementById(id);
  const again = () => location.reload();
  let began = Date.now() - 1000 * show('seconds').textContent;
  setInterval(() => { show('seconds').textContent = Math.floor((Date.now() - began) / 1000); }, 1000);
  const news = new EventSource('/.well-known/letta-dev/start');
  news.addEventListener('stage', e => {
    const said = JSON.parse(e.data);
    began = Date.now() - 1000 * said.seconds;
    for (const id of ['heading', 'cause', 'stage', 'last', 'hint']) show(id).textContent = said[id];
    show('steps').innerHTML = said.steps;
  });
  news.addEventListener('over', again);
  news.onerror = () => { if (news.readyState === EventSource.CLOSED) setTimeout(again, 1000); };
})();

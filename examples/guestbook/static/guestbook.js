// Says how much room there is left. Without scripts the page says how much there is in all, and works as well.
const text = document.getElementById('text');
const left = document.getElementById('left');

text.addEventListener('input', () => {
  const characters = text.maxLength - text.value.length;
  left.textContent = characters === 1 ? '1 character left.' : `${characters} characters left.`;
});

/** The lists of rooms and people, which are drawers on narrow screens. */
import { $ } from './page.js';

const drawers = [
  { pane: $('rooms-pane'), opener: $('show-rooms'), narrow: matchMedia('(max-width: 720px)') },
  { pane: $('people-pane'), opener: $('show-people'), narrow: matchMedia('(max-width: 1020px)') },
];

for (const { pane, opener, narrow } of drawers) {
  opener.addEventListener('click', () => {
    pane.classList.add('open');
    opener.setAttribute('aria-expanded', 'true');
    $('scrim').hidden = false;
    pane.querySelector('button')?.focus({ preventScroll: true });
  });
  narrow.addEventListener('change', closeDrawers);
}

export function closeDrawers() {
  for (const { pane, opener } of drawers) {
    const wasOpen = pane.classList.contains('open');
    const hadFocus = pane.contains(document.activeElement);
    pane.classList.remove('open');
    opener.setAttribute('aria-expanded', 'false');
    if (wasOpen && hadFocus) opener.focus();
  }
  $('scrim').hidden = true;
}

$('scrim').addEventListener('click', closeDrawers);
$('hide-people').addEventListener('click', closeDrawers);
addEventListener('keydown', (event) => event.key === 'Escape' && closeDrawers());

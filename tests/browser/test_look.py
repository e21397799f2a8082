"""The checks of the other tests detect faulty pages."""

import pytest

from .frontend import Frontend

WRONG = {
    "<p>component.beeper.config.step.user.title</p>": "shows",
    "<p>participant_ids</p>": "shows",
    "<p>Choose undefined</p>": "shows",
    "<p style='margin-left: 380px'>Beyond the edge</p>": "too wide",
    "<input style='margin-left: 380px'>": "too wide",
    "<ha-code-editor style='display: block'>mode: start</ha-code-editor>": "no visual editor",
}
SHOW = """html => {
  const tree = document.querySelector('home-assistant').shadowRoot;
  tree.querySelector('.wrong')?.remove();
  tree.appendChild(document.createElement('div')).className = 'wrong';
  tree.querySelector('.wrong').innerHTML = html;
}"""


async def test_faults_are_detected(frontend: Frontend) -> None:
    await frontend.open("/profile")
    # Until the first panel is there, the frontend removes what it does not know.
    await frontend.page.locator("home-assistant-main").wait_for(state="attached")
    await frontend.page.locator("ha-panel-profile").wait_for(state="attached")
    for html, complaint in WRONG.items():
        await frontend.page.evaluate(SHOW, html)
        with pytest.raises(AssertionError, match=complaint):
            await frontend.look("wrong")
    await frontend.page.evaluate(SHOW, "<p>Nothing is wrong with this.</p>")
    await frontend.look("wrong")
